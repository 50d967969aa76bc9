import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { AwsClient } from './client.js'
import type { AwsS3Config } from './config.js'
import type { ObjectReader } from './reader.js'

/** Objects may appear in a listing later than objects with a later time. */
const OVERLAP_MS = 5 * 60_000
const SAVE_EVERY_MS = 1_000
/** The checkpoint may take this share of the time, however long it gets. */
const SAVE_SHARE = 0.05
/** So many objects in a row that cannot be read now: it is not about them. */
const GIVE_UP_AFTER = 3

/** What was read by listing: keys with a time from `since_ms` on. */
type Checkpoint = { since_ms: number; done: { [key: string]: number } }

/** Finds the objects of a bucket by listing it again and again; `path` is where the checkpoint is kept. */
export async function bucketReader(
  aws: AwsClient,
  bucket: string,
  config: AwsS3Config,
  path: string,
  signal: AbortSignal,
  read: ObjectReader,
) {
  const since_ms = config.since === undefined ? 0 : Date.parse(config.since)
  const checkpoint = ((await readJsonFile(path)) as Checkpoint | undefined) ?? { since_ms, done: {} }
  let save_at_ms = 0

  async function save() {
    const began_ms = performance.now()
    await writeJsonAtomically(path, checkpoint)
    const now_ms = performance.now()
    save_at_ms = now_ms + Math.max(SAVE_EVERY_MS, (now_ms - began_ms) / SAVE_SHARE)
  }

  /** Reads what is new. What cannot be read now is left for the next listing, and keeps none behind it. */
  async function readNew(onAnswer: () => void) {
    let token: string | undefined
    let until_ms = checkpoint.since_ms + OVERLAP_MS
    let unread_ms = Number.POSITIVE_INFINITY
    let in_a_row = 0
    let failure: { error: unknown } | undefined
    do {
      const { objects, next } = await aws.list(bucket, config.prefix, token)
      for (const { key, time_ms } of objects) {
        until_ms = Math.max(until_ms, time_ms)
        if (time_ms < checkpoint.since_ms || checkpoint.done[key] === time_ms || key.endsWith('/')) continue
        try {
          await read({ bucket, key })
          onAnswer()
          in_a_row = 0
          checkpoint.done[key] = time_ms
        } catch (error) {
          if (signal.aborted || ++in_a_row >= GIVE_UP_AFTER) throw error
          failure ??= { error }
          unread_ms = Math.min(unread_ms, time_ms)
        }
        if (performance.now() >= save_at_ms) await save()
      }
      token = next
    } while (token !== undefined)
    if (!failure) onAnswer()
    // The next listing must see again what was not read in this one.
    checkpoint.since_ms = Math.max(checkpoint.since_ms, Math.min(until_ms - OVERLAP_MS, unread_ms))
    for (const [key, time] of Object.entries(checkpoint.done))
      if (time < checkpoint.since_ms) delete checkpoint.done[key]
    if (failure) throw failure.error
  }

  return {
    /** The first look tells a wrong setting at once. */
    async first() {
      await aws.list(bucket, config.prefix, undefined)
    },
    async look(onAnswer: () => void) {
      try {
        await readNew(onAnswer)
      } finally {
        await save()
      }
    },
  }
}
