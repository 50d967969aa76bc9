import type { Batch, Handler } from '../../bus/port.js'
import { messageOf, WeirError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { OcsfEvent } from '../../ocsf/event.js'

/** What a process can do; `weir up` does all of it. */
export const ROLES = ['ingest', 'store', 'detect', 'respond', 'console'] as const
export type Role = (typeof ROLES)[number]

/** The roles named on a command line, each once and in the order of the data. Throws `bad_input` for others. */
export function parseRoles(names: readonly string[]): Role[] {
  const unknown = names.filter((name) => !ROLES.some((role) => role === name))
  if (unknown.length > 0) {
    throw new WeirError('bad_input', `there is no role ${unknown.map((name) => `"${name}"`).join(', ')}`, {
      hint: `Roles are ${ROLES.join(', ')}; \`weir up\` runs all of them.`,
    })
  }
  return ROLES.filter((role) => names.includes(role))
}

/**
 * A handler whose every failure is tried again. Where the bus keeps the messages, rights that were taken away or a password
 * that was changed will be mended some day; a subscription that has stopped would not notice.
 */
export function untilDone(handler: Handler, log: Log): Handler {
  return async (batch) => {
    try {
      await handler(batch)
    } catch (error) {
      if (error instanceof WeirError && error.retryable) throw error
      log.error({ err: error, batch: batch.token }, 'a batch failed, it is tried again')
      const code = error instanceof WeirError ? error.code : 'internal'
      throw new WeirError(code, messageOf(error), { retryable: true, cause: error })
    }
  }
}

/** The events of a batch. */
export function valuesOf(batch: Batch): OcsfEvent[] {
  return batch.messages.map((message) => message.value)
}
