import type { ActionDefinition } from './contract.js'
import type { Playbook } from './playbook.js'

type Params = { readonly [field: string]: unknown }
/** Default params by action name; a playbook's own win. */
type Defaults = { readonly [action: string]: Params | undefined }

/** What may be recorded of an action's params: all but its secrets. */
export function recordedParams({ secrets = [] }: Pick<ActionDefinition, 'secrets'>, params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !secrets.includes(name)))
}

/** The params of a recorded response: as recorded, and the secrets as they are configured in this process. */
export function wholeParams(
  definition: Pick<ActionDefinition, 'name' | 'secrets'>,
  recorded: Params,
  playbook: Playbook,
  nth: number,
  defaults: Defaults,
): Params {
  const configured = playbook.actions
    .filter(({ action }) => action === definition.name)
    .map(({ params }): Params => ({ ...defaults[definition.name], ...params }))
  const isSame = (params: Params) => JSON.stringify(recordedParams(definition, params)) === JSON.stringify(recorded)
  // Its own place first; the playbook may have been changed since.
  const own = configured.slice(nth, nth + 1)
  const source = [...own, ...configured].find(isSame) ?? configured[0] ?? {}
  const secrets = Object.entries(source).filter(([name]) => definition.secrets?.includes(name))
  return { ...Object.fromEntries(secrets), ...recorded }
}
