import type { Batch } from '../../bus/port.js'
import { WeirError } from '../../core/errors.js'
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

/** The events of a batch. */
export function valuesOf(batch: Batch): OcsfEvent[] {
  return batch.messages.map((message) => message.value)
}
