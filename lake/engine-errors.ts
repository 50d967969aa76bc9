import { ClickHouseError } from '@clickhouse/client'
import { messageOf, WeirError } from '../core/errors.js'

/** ClickHouse's numbers of faults that pass: disk full, out of memory, too many parts, busy, time-outs, network. */
const passing_codes = new Set([74, 75, 76, 159, 160, 202, 209, 210, 241, 242, 243, 252, 319, 335, 425, 473, 999, 1001])

/** Faults that lie in the rows: a block with such a fault is worth splitting. */
const data_codes = new Set([
  6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 191, 321, 349, 407, 441, 469, 646, 691,
])

/** ClickHouse's number of an error the engine threw, or undefined. */
function engineCode(error: unknown): number | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = (at as { clickhouseCode?: unknown }).clickhouseCode
    if (typeof code === 'number') return code
    if (at instanceof ClickHouseError) return Number(at.code)
  }
  return undefined
}

/** True if the fault lies in the data: retrying the same rows cannot help, fewer rows may. */
export function isDataFault(error: unknown): boolean {
  const code = engineCode(error)
  return code !== undefined && data_codes.has(code)
}

/**
 * What the engine threw, as `lake_failed`; the original is its `cause`. Something that is not the engine's own word passes if
 * the engine is `remote`: then it comes from the network.
 */
export function lakeFault(error: unknown, what: string, remote = false): WeirError {
  if (error instanceof WeirError) return error
  const code = engineCode(error)
  return new WeirError('lake_failed', `${what}: ${messageOf(error).slice(0, 2000)}`, {
    retryable: code === undefined ? remote : passing_codes.has(code),
    cause: error,
  })
}
