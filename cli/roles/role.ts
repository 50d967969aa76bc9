import type { Batch, Handler } from '../../bus/port.js'
import { messageOf, WeirError } from '../../core/errors.js'
import type { HealthBoard } from '../../core/health.js'
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

/** A failure that no dependency tells of: for good, or again and again for so long. */
const STUCK_AFTER_MS = 30_000
/** The bus tries again every 5 s; a batch that nothing is heard of has gone to another process. */
const GONE_AFTER_MS = 15_000

/**
 * A handler whose every failure is tried again. Where the bus keeps the messages, rights that were taken away or a password
 * that was changed will be mended some day; a subscription that has stopped would not notice. While a batch does not get on,
 * `/ready` says so, under the name of the role.
 */
export function untilDone(
  handler: Handler,
  { role, health, log }: { role: string; health: HealthBoard; log: Log },
): Handler {
  const failing = new Map<string, { since: number; at: number; is_final: boolean; message: string }>()

  function note(batch: Batch, error: unknown) {
    const name = batch.token ?? batch.topic
    const at = Date.now()
    const is_final = !(error instanceof WeirError && error.retryable)
    failing.set(name, { since: failing.get(name)?.since ?? at, at, is_final, message: messageOf(error) })
  }

  health.watch(role, () => {
    const now = Date.now()
    for (const [name, { at }] of failing) if (now - at > GONE_AFTER_MS) failing.delete(name)
    const stuck = [...failing].find(([, { since, is_final }]) => is_final || now - since > STUCK_AFTER_MS)
    if (!stuck) return { ok: true, message: 'handles what comes' }
    return { ok: false, message: `${stuck[0]} is tried again and again: ${stuck[1].message}` }
  })

  return async (batch) => {
    try {
      await handler(batch)
      failing.delete(batch.token ?? batch.topic)
    } catch (error) {
      note(batch, error)
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
