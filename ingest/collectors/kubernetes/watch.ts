import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import type { KubernetesApi, Refusal } from './api.js'
import { type KubernetesConfig, RESOURCES, type Resource } from './config.js'
import { createKnown, type KnownObjects, uidOf } from './known.js'

const FORMAT = 'kubernetes_objects'
const SAVE_MS = 1_000
const CHUNK_RECORDS = 500
/** A watch that lasted so long was a success: the next failure waits the first time again. */
const STEADY_MS = 5_000
/** Added to the time after which the server ends a watch: then it is taken for dead. */
const GRACE_MS = 30_000

type Json = { [key: string]: unknown }
type Checkpoint = { version: string | undefined; known: KnownObjects }

/** The API server does not remember that version any more, or a list took too long: begin again. */
class Expired extends Error {}
/** A line that is no watch event: it may have been news, so that only a list tells what is true now. */
class Malformed extends Error {}

/** Lists a resource and then watches it, until `signal` aborts; after a restart it goes on where it stopped. */
export async function followResource(
  resource: Resource,
  api: KubernetesApi,
  config: KubernetesConfig,
  deps: CollectorDeps,
  signal: AbortSignal,
): Promise<void> {
  const path = RESOURCES[resource]
  const file = join(deps.state_dir, `${resource}.json`)
  const checkpoint = (await readJsonFile(file)) as Checkpoint | undefined
  const known = createKnown(checkpoint?.known ?? {}, config.cluster)
  let version = checkpoint?.version
  let isFirst = checkpoint === undefined
  let saved_ms = 0
  let is_down = false
  /** Set while what is known is ahead of what is durable: then it is not saved. */
  let is_ahead = false

  async function take(records: readonly RawRecord[]) {
    for (let from = 0; from < records.length; from += CHUNK_RECORDS) {
      is_ahead = true
      await emitUntilTaken(deps, FORMAT, records.slice(from, from + CHUNK_RECORDS), signal)
    }
    is_ahead = false
  }

  async function save() {
    saved_ms = Date.now()
    await writeJsonAtomically(file, { version, known: known.kept() })
  }

  function works() {
    if (is_down) deps.coverage({ part: resource, status: 'ok', message: `${resource} of Kubernetes are seen again.` })
    is_down = false
  }

  async function list() {
    const present = new Set<string>()
    let next: string | undefined
    let latest: unknown
    do {
      const answer = await api.list(path, { limit: config.page_size, continue: next }, signal)
      const items = (Array.isArray(answer.items) ? answer.items : []).filter(isObject)
      const records: RawRecord[] = []
      for (const item of items) {
        const object = { ...kindOf(answer), ...item }
        present.add(uidOf(object))
        records.push(...known.listed(object, isFirst))
      }
      await take(records)
      const { resourceVersion, continue: more } = isObject(answer.metadata) ? answer.metadata : ({} as Json)
      latest = resourceVersion
      next = typeof more === 'string' && more !== '' ? more : undefined
    } while (next !== undefined)
    await take(known.gone(present))
    version = typeof latest === 'string' ? latest : undefined
    isFirst = false
    await save()
    works()
  }

  async function watch() {
    const query = {
      resourceVersion: version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: Math.ceil(config.watch_timeout_ms / 1000),
    }
    for await (const lines of api.watch(path, query, config.watch_timeout_ms + GRACE_MS, signal)) {
      works()
      const records: RawRecord[] = []
      let reached = version
      let failure: Error | undefined
      for (const line of lines) {
        if (line.trim() === '') continue
        const read = readLine(line)
        if (read instanceof Error) {
          failure = read
          if (read instanceof Malformed) records.push(malformed(resource, line, version))
          break
        }
        const { type, object } = read
        if (type !== 'BOOKMARK') records.push(...known.seen(type, object))
        const { resourceVersion } = isObject(object.metadata) ? object.metadata : ({} as Json)
        if (typeof resourceVersion === 'string') reached = resourceVersion
      }
      await take(records)
      version = reached
      if (failure) throw failure
      if (Date.now() - saved_ms > SAVE_MS) await save()
    }
  }

  let wait_ms = config.retry_first_ms
  while (!signal.aborted) {
    const started_ms = Date.now()
    try {
      if (version === undefined) await list()
      await watch()
      // The server ended it in time: the next one goes on, at once unless it ends each of them at once.
      if (Date.now() - started_ms >= Math.min(STEADY_MS, config.watch_timeout_ms / 2)) wait_ms = config.retry_first_ms
      else wait_ms = await pause(undefined)
    } catch (error) {
      if (signal.aborted) break
      if (Date.now() - started_ms >= STEADY_MS) wait_ms = config.retry_first_ms
      if (isExpired(error) || error instanceof Malformed) {
        version = undefined
        deps.log.info({ instance: deps.instance, resource, reason: messageOf(error) }, 'listing again')
      } else report(error)
      wait_ms = await pause((error as Partial<Refusal>).retry_after_ms)
    }
  }
  if (version !== undefined && !is_ahead) await save()

  function report(error: unknown) {
    if (is_down) return
    is_down = true
    const hint = error instanceof WeirError && error.hint ? ` ${error.hint}` : ''
    deps.coverage({
      part: resource,
      status: 'unavailable',
      message: `${resource} of Kubernetes are not seen: ${messageOf(error)}.${hint}`,
    })
  }

  /** Waits with jitter, so that not all watches come back in one moment; at least as long as the server asked for. */
  async function pause(at_least_ms: number | undefined): Promise<number> {
    const ms = Math.max(at_least_ms ?? 0, wait_ms / 2 + (Math.random() * wait_ms) / 2)
    await sleep(ms, undefined, { signal }).catch(() => {})
    return Math.min(wait_ms * 2, config.retry_max_ms)
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof Expired || (error as Partial<Refusal>).status === 410
}

function readLine(line: string): { type: string; object: Json } | Error {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    return new Malformed('a line of the watch is not JSON')
  }
  if (!isObject(event) || typeof event.type !== 'string' || !isObject(event.object)) {
    return new Malformed('a line of the watch is not an event')
  }
  const { type, object } = event
  if (type === 'ERROR') {
    const message = `the watch ended: ${String(object.message ?? object.reason ?? 'no reason given')}`
    return object.code === 410 ? new Expired(message) : new WeirError('unreachable', message, { retryable: true })
  }
  return { type, object }
}

/** A dead letter: the same line after the same version is the same one. */
function malformed(resource: string, line: string, version: string | undefined): RawRecord {
  const hash = createHash('sha256').update(line).digest('hex').slice(0, 16)
  const detail = `a line of the watch of ${resource} is not a watch event; all of them are listed again`
  return {
    data: line,
    position: `${resource}@${version ?? ''}:${hash}`,
    fault: { reason: 'malformed_watch_event', detail },
  }
}

/** Elements of a list do not repeat what they are. */
function kindOf({ apiVersion, kind }: Json): Json {
  return typeof kind === 'string' && kind.endsWith('List') ? { apiVersion, kind: kind.slice(0, -'List'.length) } : {}
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
