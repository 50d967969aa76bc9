import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { SharedState } from '../contract.js'
import type { Memory } from './memory.js'

/** Where a profile is kept between two starts. */
export type Keeper = {
  /** Fills the memory; returns since when (ms since 1970) events are missing in it, 0 if all are. */
  load(memory: Memory): Promise<number>
  save(text: string): void
  /** Waits for a save on its way. */
  settle(): Promise<void>
}

/** A file: one process, one machine. */
export function fileKeeper(folder: string, log: Log): Keeper {
  const file = join(folder, 'profile.json')
  return {
    async load(memory) {
      try {
        return memory.load(readFileSync(file, 'utf8'))
      } catch (error) {
        const isFirstStart = (error as { code?: string }).code === 'ENOENT'
        if (!isFirstStart) log.warn(`${file} cannot be read (${messageOf(error)}): behaviour is learned again`)
        return 0
      }
    },
    save(text) {
      // A crash while writing must leave the old file.
      writeFileSync(`${file}.new`, text, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
    settle: async () => {},
  }
}

/** What all processes know together; see docs/decisions/0016-detect-on-partitions.md. */
export function sharedKeeper(shared: SharedState, log: Log): Keeper {
  let saving: Promise<void> = Promise.resolve()
  let next: string | undefined
  return {
    async load(memory) {
      let since = Number.POSITIVE_INFINITY
      for (const { saved_time, content } of await shared.load('profile')) {
        memory.load(content)
        since = Math.min(since, saved_time)
      }
      return Number.isFinite(since) ? since : 0
    },
    save(text) {
      // While one save runs, only the newest of those that come after it is worth keeping.
      const isWaiting = next !== undefined
      next = text
      if (isWaiting) return
      saving = saving.then(async () => {
        const content = next as string
        next = undefined
        await shared.save('profile', content)
      })
      saving = saving.catch((error) => log.warn(`the profile is not saved, it will be again: ${messageOf(error)}`))
    },
    settle: () => saving,
  }
}
