import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.js'
import type { Json } from '../ocsf/event.js'
import type { Book, Live } from './book.js'
import type { Turn } from './jobs/port.js'
import { type ResponseRecord, type ResponseState, responseEvent } from './record.js'
import type { ResponderConfig } from './responder-config.js'

const CONFIRM_WITHIN_MS = 30_000
const CONFIRM_EVERY_MS = 5

/** Takes one response one step on. */
export type Step = (
  entry: Live,
  turn: Turn,
  state: ResponseState,
  reasons: readonly string[],
  more?: Partial<ResponseRecord>,
) => Promise<void>

/** Steps that are durable when they resolve, each made by whoever holds the response's turn. */
export function createSteps(config: ResponderConfig, book: Book): Step {
  const writer = randomUUID()

  /** The log has the last word: turns may be lost with what they are kept in. */
  async function confirm(entry: Live, step: number) {
    for (const end = Date.now() + CONFIRM_WITHIN_MS; entry.seen.step < step; await sleep(CONFIRM_EVERY_MS)) {
      if (Date.now() < end) continue
      throw new WeirError('timeout', `the step was not seen on the bus within ${CONFIRM_WITHIN_MS} ms`, {
        retryable: true,
      })
    }
    if (entry.seen.step === step && entry.seen.writer === writer) return
    throw new WeirError('conflict', 'another responder went on with this response', { retryable: true })
  }

  return async function step(entry, turn, state, reasons, more = {}) {
    const { take_back: _, ...before } = entry.record
    const record: ResponseRecord = {
      ...before,
      ...more,
      state,
      reasons,
      step: entry.record.step + 1,
      time: config.now(),
      writer,
    }
    await turn.still()
    await config.publish([responseEvent(record)])
    book.note(record)
    config.metrics.count('response_steps', { state, action: record.action })
    await turn.leave(record as unknown as Json)
    if (config.shared && state === 'executing') await confirm(entry, record.step)
  }
}
