import { createHash, randomUUID } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { createTurns, type Turns } from '../core/turns.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Encoder } from './encoder.js'
import { isDataFault } from './engine-errors.js'
import type { Lake } from './port.js'
import type { Table } from './tables/table.js'
import { createUidReader } from './uid.js'
import { createUidWindow } from './uid-window.js'

/** An event that cannot be stored, and why. */
export type RejectedEvent = { readonly event: OcsfEvent; readonly reason: string; readonly detail: string }

/** What became of the events of one write: stored + duplicate + rejected = written. */
export type WriteReceipt = {
  readonly stored: number
  /** Their uid was stored before. */
  readonly duplicate: number
  readonly rejected: readonly RejectedEvent[]
}

export type WriterOptions = {
  readonly lake: Pick<Lake, 'insertNative'>
  readonly table: Table
  /** Makes an encoder of the table's events; called as often as blocks are in work at the same time. */
  readonly encoder: () => Encoder
  /** A block is written when it has so many rows, */
  readonly max_rows?: number
  /** or so many bytes, */
  readonly max_bytes?: number
  /** or is so old, ms. It is written earlier if the table is idle. */
  readonly max_wait_ms?: number
  /** Newest uids that are remembered to recognise duplicates; 0 for none. */
  readonly window_size?: number
  /** A block that meets a fault that passes is tried again, the same and under the same token, for so long, ms; Infinity: until `stop`. */
  readonly retry_for_ms?: number
  /**
   * Remembers the uids of what was stored in the last `age_ms`. Called before the next event after a block was given up: its
   * last try may have been stored without an answer. What it throws is thrown by `write`.
   */
  readonly recall?: (age_ms: number) => Promise<void>
  readonly metrics: Metrics
  readonly log: Log
  /** Shared with the other parts of the process that work long at a stretch. */
  readonly turns?: Turns
}

/** Writes the events of one table in blocks. */
export type Writer = {
  /**
   * Resolves when every event is durable, known, or rejected. Takes the array over and empties it when its events are in
   * blocks, so that they can go before their block is written: what lives for long is expensive to collect. Writes that come at
   * the same time share blocks; when too many are waiting it waits. Tokens name batches that may come again: the engine takes
   * a block of the same events of the same batches once. Throws `lake_failed`; if retryable, the same events may be
   * written again and nothing is counted twice.
   */
  write(events: OcsfEvent[], token?: string): Promise<WriteReceipt>
  /** Remembers a uid that is in the table already, as its 64-bit key. */
  remember(low: number, high: number): void
  /** Writes what is waiting. */
  flush(): Promise<void>
  /** Writes what is waiting and takes no more. May be called twice. */
  stop(): Promise<void>
}

/** One call of `write`, while it is counted. */
type Call = {
  stored: number
  duplicate: number
  rejected: RejectedEvent[]
  /** The block that took its newest event. */
  block: Block | undefined
}

type Block = {
  readonly encoder: Encoder
  /** Its events, in case the engine refuses it; empty if the encoder can read them back. */
  events: OcsfEvent[]
  readonly calls: Call[]
  /** Number of each event's key in the window, -1 without one. */
  readonly keys: number[]
  readonly first_key: number
  /** Combined keys of its events: names the content. */
  content: number
  /** Names of the batches its events are of; undefined as soon as one has none. */
  batches: Set<string> | undefined
  name: string | undefined
  readonly done: Promise<void>
  settle(error?: unknown): void
}

/** Blocks that are full and wait, besides the one that is being written. */
const waiting_blocks = 1
/** A block waits at most so many times the duration of the insert before: small inserts stay a small share of the time. */
const wait_factor = 10
const shortest_wait_ms = 10
/**
 * A block with this many rows is worth an insert of its own when nothing has come for this long, ms: whoever waits for
 * these events is not going to send more before they are durable.
 */
const worthwhile_rows = 1_000
const quiet_ms = 60
/** A loop that is in use for more than this share of the time is not quiet: what it works on may come here next. */
const quiet_share = 0.2
/** A block with this many rows does not wait for more while the engine is idle: a larger one costs hardly less a row. */
const good_rows = 16_384
/** Waits between the tries of a block, ms; the last one repeats. */
const retry_waits_ms = [50, 200, 1_000, 2_000]

/** A writer for one table. */
export function createWriter(options: WriterOptions): Writer {
  const { lake, table, metrics, log } = options
  const max_rows = options.max_rows ?? 50_000
  const max_bytes = options.max_bytes ?? 32 * 1024 * 1024
  const max_wait_ms = options.max_wait_ms ?? 500
  const window_size = options.window_size ?? 2_000_000
  const retry_for_ms = options.retry_for_ms ?? 5_000
  const window = createUidWindow(Math.max(1, window_size))
  const uids = createUidReader()
  const turns = options.turns ?? createTurns()
  const labels = { table: table.name }
  const spare: Encoder[] = []
  const sealed: Block[] = []
  const unfinished = new Set<Block>()
  let open: Block | undefined
  let timer: NodeJS.Timeout | undefined
  let quiet: NodeJS.Timeout | undefined
  let running = false
  let stopped = false
  let last_insert_ms = 0
  /** The number the window will give to the next key. */
  let next_key = 0
  let appending: Promise<unknown> = Promise.resolve()
  let room: (() => void) | undefined
  /** Since when blocks were given up whose rows may be in the table. */
  let doubtful_since: number | undefined

  function openBlock(): Block {
    let settle: (error?: unknown) => void = () => {}
    const done = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error))
    })
    // Nobody may be waiting for a block any more when it fails: the failure still reaches those who are.
    done.catch(() => {})
    const block: Block = {
      encoder: spare.pop() ?? options.encoder(),
      events: [],
      calls: [],
      keys: [],
      first_key: next_key,
      content: 0,
      batches: new Set(),
      name: undefined,
      done,
      settle,
    }
    unfinished.add(block)
    timer = setTimeout(seal, waitOf(last_insert_ms, max_wait_ms))
    return block
  }

  /** Seals the open block soon, unless more comes or an insert is running (then it grows until that is done). */
  function sealWhenQuiet() {
    clearTimeout(quiet)
    if (!open || running || open.encoder.rows() < worthwhile_rows) return
    if (open.encoder.rows() >= good_rows) return seal()
    const before = performance.eventLoopUtilization()
    quiet = setTimeout(() => {
      if (performance.eventLoopUtilization(before).utilization > quiet_share) sealWhenQuiet()
      else if (!running) seal()
    }, quiet_ms)
  }

  function seal() {
    clearTimeout(timer)
    clearTimeout(quiet)
    if (!open) return
    const block = open
    open = undefined
    sealed.push(block)
    if (!running) void drain()
  }

  async function drain() {
    running = true
    for (let block = sealed.shift(); block; block = sealed.shift()) {
      room?.()
      await store(block)
    }
    running = false
    sealWhenQuiet()
  }

  async function store(block: Block) {
    const started = performance.now()
    let failure: unknown
    try {
      await insertEncoded(block.encoder, tokenOf(block), started)
      for (const call of block.calls) call.stored++
    } catch (error) {
      if (isDataFault(error)) {
        if (block.encoder.events) block.events = block.encoder.events()
        failure = await storeHalves(block, 0, block.events.length, error)
      } else {
        doubtful_since = Math.min(doubtful_since ?? started, started)
        forget(block, 0, block.keys.length)
        failure = error
      }
    }
    last_insert_ms = performance.now() - started
    metrics.observe('lake_insert', labels, last_insert_ms)
    block.encoder.reset()
    spare.push(block.encoder)
    unfinished.delete(block)
    if (failure) log.error({ table: table.name, err: messageOf(failure) }, 'a block could not be stored')
    block.settle(failure)
  }

  /** Repetitions have the same rows and the same token: whichever of them arrives, the rows are stored once. */
  async function insertEncoded(encoder: Encoder, token: string, started: number) {
    if (encoder.rows() === 0) return
    const encoded = encoder.finish()
    for (let tries = 0; ; tries++) {
      try {
        await lake.insertNative(table, encoded, token)
        break
      } catch (error) {
        const wait_ms = retry_waits_ms[Math.min(tries, retry_waits_ms.length - 1)] ?? 0
        const is_late = stopped || performance.now() + wait_ms - started > retry_for_ms
        if (is_late || !(error instanceof WeirError && error.retryable)) throw error
        metrics.count('lake_retries', labels)
        log.warn({ table: table.name, err: messageOf(error) }, 'a block is tried again')
        await sleep(wait_ms)
      }
    }
    metrics.count('lake_rows', labels, encoded.rows)
  }

  /** Halves a refused range down to the rows that are the reason. Returns the fault that stopped it, if one did. */
  async function storeHalves(block: Block, from: number, to: number, refusal: unknown): Promise<unknown> {
    if (to - from === 1) {
      forget(block, from, to)
      const event = block.events[from] as OcsfEvent
      block.calls[from]?.rejected.push({ event, reason: 'engine_refused', detail: messageOf(refusal) })
      return undefined
    }
    const middle = (from + to) >> 1
    const fault = await storeRange(block, from, middle)
    if (!fault) return storeRange(block, middle, to)
    forget(block, middle, to)
    return fault
  }

  async function storeRange(block: Block, from: number, to: number): Promise<unknown> {
    const encoder = block.encoder
    encoder.reset()
    for (let index = from; index < to; index++) {
      encoder.append(block.events[index] as OcsfEvent)
      if (index % 1000 === 999) await nextTurn()
    }
    try {
      await insertEncoded(encoder, `${tokenOf(block)}:${from}-${to}`, performance.now())
      for (let index = from; index < to; index++) (block.calls[index] as Call).stored++
      return undefined
    } catch (error) {
      if (isDataFault(error)) return storeHalves(block, from, to, error)
      forget(block, from, to)
      return error
    }
  }

  /** These events were not stored: their uids may come again. */
  function forget(block: Block, from: number, to: number) {
    for (let index = from; index < to; index++) {
      const key = block.keys[index] ?? -1
      if (key >= 0) window.remove(key)
    }
  }

  /** The unfinished block that holds the event with this key. */
  function blockOf(key: number): Block | undefined {
    let found: Block | undefined
    for (const block of unfinished) if (block.first_key <= key) found = block
    return found
  }

  /** Puts one event into the open block, unless it is known or cannot be stored. */
  function place(event: OcsfEvent, call: Call, batch: string | undefined, waits: Set<Promise<void>>) {
    const uid = event?.metadata?.uid
    // Without a uid and a time the encoder of the table decides.
    const parts =
      typeof uid === 'string' && typeof event.time === 'number' ? uids.takeApart(uid, event.time) : undefined
    const low = parts?.low ?? 0
    const high = parts?.high ?? 0
    const is_keyed = parts !== undefined && window_size > 0
    const known = is_keyed ? window.find(low, high) : -1
    if (known >= 0) {
      call.duplicate++
      const block = blockOf(known)
      if (block) waits.add(block.done)
      return
    }
    open ??= openBlock()
    const problem = open.encoder.append(event, parts)
    if (problem) {
      call.rejected.push({ event, reason: problem.reason, detail: problem.detail })
      return
    }
    if (!open.encoder.events) open.events.push(event)
    open.calls.push(call)
    if (call.block !== open) {
      call.block = open
      waits.add(open.done)
      if (batch === undefined) open.batches = undefined
      else open.batches?.add(batch)
    }
    open.keys.push(is_keyed ? addKey(low, high) : -1)
    open.content = (open.content + (low ^ Math.imul(high, 31)) + open.keys.length) >>> 0
    if (open.encoder.rows() >= max_rows || open.encoder.bytes() >= max_bytes) seal()
  }

  function addKey(low: number, high: number): number {
    const key = window.add(low, high)
    next_key = key + 1
    return key
  }

  async function append(events: OcsfEvent[], batch: string | undefined, call: Call, waits: Set<Promise<void>>) {
    if (doubtful_since !== undefined) await resolveDoubt(doubtful_since)
    for (let index = 0; index < events.length; index++) {
      if (sealed.length > waiting_blocks) {
        await new Promise<void>((resolve) => {
          room = resolve
        })
        room = undefined
      }
      place(events[index] as OcsfEvent, call, batch, waits)
      if (index % 64 === 63 && turns.due()) await turns.next()
    }
    events.length = 0
    sealWhenQuiet()
  }

  async function resolveDoubt(since: number) {
    await options.recall?.(performance.now() - since)
    if (doubtful_since === since) doubtful_since = undefined
  }

  async function flush() {
    await appending
    seal()
    await Promise.all([...unfinished].map((block) => block.done))
  }

  return {
    async write(events, token) {
      if (stopped)
        throw new WeirError('overloaded', 'the lake takes no more events: it is stopping', { retryable: true })
      const call: Call = { stored: 0, duplicate: 0, rejected: [], block: undefined }
      const waits = new Set<Promise<void>>()
      const turn = appending.then(() => append(events, token, call, waits))
      appending = turn.catch(() => {})
      await turn
      const results = await Promise.allSettled(waits)
      for (const result of results) if (result.status === 'rejected') throw result.reason
      metrics.count('lake_duplicates', labels, call.duplicate)
      metrics.count('lake_rejected', labels, call.rejected.length)
      return { stored: call.stored, duplicate: call.duplicate, rejected: call.rejected }
    },
    remember(low, high) {
      if (window_size > 0 && window.find(low, high) < 0) addKey(low, high)
    },
    flush,
    async stop() {
      stopped = true
      await flush().catch(() => {})
    },
  }
}

function waitOf(last_insert_ms: number, max_wait_ms: number): number {
  return Math.min(max_wait_ms, Math.max(shortest_wait_ms, last_insert_ms * wait_factor))
}

/**
 * Names a block by its batches and the uids of its events; after a partial failure the same batches cover other rows. Without
 * names it is one of its kind: rows that were deleted can be written again.
 */
function tokenOf(block: Block): string {
  block.name ??= block.batches
    ? createHash('sha256')
        .update([...block.batches].join())
        .digest('hex')
        .slice(0, 32)
    : randomUUID()
  return `${block.name}:${block.content}`
}
