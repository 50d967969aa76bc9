import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { WeirError } from '../core/errors.js'
import type { LakeHealth } from './port.js'
import { type ServerAddress, serverFault } from './server-faults.js'
import { within } from './within.js'

/** A server that takes longer to read and to write nothing is slow, ms, ... */
const quick_ms = 2_000
/** ... and is away if it does not even say within so much more that it is there, ms. */
const ping_within_ms = 2_000

/** Writes no row, but is refused where a row would be. */
const writable_sql = 'INSERT INTO coverage (time) SELECT time FROM coverage WHERE 0'

export type ServerHealthOptions = {
  /** Two sockets or more that nobody else uses: the question must not stand in line behind what makes the server slow. */
  readonly client: ClickHouseClient
  readonly address: ServerAddress
  /** A write that takes longer has failed, ms. */
  readonly timeout_ms: number
}

/** One read and one write, which go on while the server is asked again how it is. */
type Trial = { readonly since: number; readonly fault: Promise<WeirError | undefined>; stop(): void }

/**
 * Asks a server whether it can be read and written. One that takes its time and answers a ping meanwhile is slow, not away;
 * one whose write was not done within `timeout_ms` cannot be written until one is.
 */
export function createServerHealth({ client, address, timeout_ms }: ServerHealthOptions): () => Promise<LakeHealth> {
  let trial: Trial | undefined
  let last_fault: WeirError | undefined

  function begin(): Trial {
    const stopping = new AbortController()
    const work = async (abort_signal: AbortSignal) => {
      await client.command({ query: 'SELECT 1', abort_signal })
      await client.command({ query: writable_sql, abort_signal })
      return undefined
    }
    const fault = within(timeout_ms, work, stopping.signal)
      .catch((error: unknown) => serverFault(error, address))
      .then((found) => {
        if (stopping.signal.aborted) return found
        trial = undefined
        last_fault = found
        return found
      })
    return { since: performance.now(), fault, stop: () => stopping.abort() }
  }

  return async () => {
    trial ??= begin()
    const asked = trial
    const answered = await soon(asked.fault.then((fault) => ({ fault })))
    if (answered) return answered
    try {
      await within(ping_within_ms, (signal) => ping(client, signal))
    } catch (error) {
      // The next one to ask begins afresh, on sockets that may work again.
      asked.stop()
      if (trial === asked) trial = undefined
      return { fault: serverFault(error, address) }
    }
    if (last_fault) return { fault: last_fault }
    return { fault: undefined, slow_ms: Math.round(performance.now() - asked.since) }
  }
}

async function soon<T>(work: Promise<T>): Promise<T | undefined> {
  const done = new AbortController()
  try {
    return await Promise.race([work, sleep(quick_ms, undefined, { signal: done.signal })])
  } finally {
    done.abort()
  }
}

async function ping(client: ClickHouseClient, abort_signal: AbortSignal): Promise<void> {
  const answer = await client.ping({ select: false, abort_signal })
  if (!answer.success) throw answer.error
}
