import { isIP } from 'node:net'
import type { Fields, JsonRecord } from './fields.js'
import { isEventTime } from './time.js'

/** How a Falco output field is read: `id` is a number that OCSF keeps as text, `ns` a time in nanoseconds. */
type Reading = 'text' | 'integer' | 'id' | 'ns' | 'ip' | 'terminal'

/**
 * Where Falco's output fields (syscall source and the k8s_audit, cloudtrail, okta and github plugins) stand in OCSF,
 * relative to the evidence of the finding. Fields with no line here, and none in falco-objects.ts, stay unmapped.
 */
const HOMES: readonly (readonly [field: string, path: string, reading: Reading])[] = [
  ['proc.pid', 'process.pid', 'integer'],
  ['proc.name', 'process.name', 'text'],
  ['proc.cmdline', 'process.cmd_line', 'text'],
  ['proc.cwd', 'process.working_directory', 'text'],
  ['proc.vpid', 'process.namespace_pid', 'integer'],
  ['proc.pid.ts', 'process.created_time', 'ns'],
  ['proc.sid', 'process.session.uid', 'id'],
  ['proc.tty', 'process.session.terminal', 'terminal'],
  ['thread.tid', 'process.ptid', 'integer'],
  ['proc.ppid', 'process.parent_process.pid', 'integer'],
  ['proc.pname', 'process.parent_process.name', 'text'],
  ['proc.pcmdline', 'process.parent_process.cmd_line', 'text'],
  ['proc.pvpid', 'process.parent_process.namespace_pid', 'integer'],
  ['proc.ppid.ts', 'process.parent_process.created_time', 'ns'],
  ['user.name', 'user.name', 'text'],
  ['user.uid', 'user.uid', 'id'],
  ['container.name', 'container.name', 'text'],
  ['container.type', 'container.runtime', 'text'],
  ['container.image.repository', 'container.image.name', 'text'],
  ['container.image.tag', 'container.image.tag', 'text'],
  ['ka.user.name', 'actor.user.name', 'text'],
  ['ka.user.uid', 'actor.user.uid', 'text'],
  ['ka.verb', 'api.operation', 'text'],
  ['ka.auditid', 'api.request.uid', 'text'],
  ['ka.response.code', 'api.response.code', 'integer'],
  ['ka.response.reason', 'api.response.message', 'text'],
  ['ka.uri', 'http_request.url.path', 'text'],
  ['ka.useragent', 'http_request.user_agent', 'text'],
  ['ka.target.group', 'api.group.name', 'text'],
  ['ka.target.version', 'api.version', 'text'],
  ['ct.name', 'api.operation', 'text'],
  ['ct.src', 'api.service.name', 'text'],
  ['ct.requestid', 'api.request.uid', 'text'],
  ['ct.error', 'api.response.error', 'text'],
  ['ct.errormessage', 'api.response.error_message', 'text'],
  ['ct.user', 'actor.user.name', 'text'],
  ['ct.user.arn', 'actor.user.uid', 'text'],
  ['ct.user.principalid', 'actor.user.uid_alt', 'text'],
  ['ct.user.identitytype', 'actor.user.type', 'text'],
  ['ct.user.accountid', 'actor.user.account.uid', 'id'],
  ['ct.user.accesskeyid', 'actor.user.credential_uid', 'text'],
  ['ct.useragent', 'http_request.user_agent', 'text'],
  ['ct.srcip', 'src_endpoint.ip', 'ip'],
  ['okta.evt.type', 'api.operation', 'text'],
  ['okta.actor.name', 'actor.user.name', 'text'],
  ['okta.actor.id', 'actor.user.uid', 'text'],
  ['okta.actor.alternateID', 'actor.user.uid_alt', 'text'],
  ['okta.client.ip', 'src_endpoint.ip', 'ip'],
  ['okta.useragent.raw', 'http_request.user_agent', 'text'],
  ['github.action', 'api.operation', 'text'],
  ['github.user', 'actor.user.name', 'text'],
]

const PATHS = HOMES.map(([field, path, reading]) => ({ field, names: path.split('.'), reading }))

/** Reads every output field that has one home of its own into an evidence object. */
export function readHomes(fields: Fields): JsonRecord {
  const evidence: JsonRecord = {}
  for (let n = 0; n < PATHS.length; n++) {
    const { field, names, reading } = PATHS[n] as (typeof PATHS)[number]
    const value = fields.has(field) ? readAs(fields, field, reading) : undefined
    if (value !== undefined) put(evidence, names, value)
  }
  return evidence
}

/** Text of a field; Falco writes `<NA>` where it does not know. */
export function textOf(fields: Fields, field: string): string | undefined {
  const text = fields.text(field)
  return text === '<NA>' ? undefined : text
}

/** An address that OCSF accepts; anything else (a list, a name) stays unmapped. */
export function ipOf(fields: Fields, field: string): string | undefined {
  const text = textOf(fields, field)
  if (text !== undefined && isIP(text) !== 0) return text
  fields.keep(field)
  return undefined
}

/** An integer, also where an export wrote it as text. */
export function integerOf(fields: Fields, field: string): number | undefined {
  if (fields.any(field) === '<NA>') return undefined
  const number = fields.number(field)
  if (number === undefined || Number.isInteger(number)) return number
  fields.keep(field)
  return undefined
}

function readAs(fields: Fields, field: string, reading: Reading): string | number | undefined {
  switch (reading) {
    case 'text':
      return textOf(fields, field)
    case 'integer':
      return integerOf(fields, field)
    case 'ip':
      return ipOf(fields, field)
    case 'id': {
      const value = fields.any(field)
      return typeof value === 'number' ? String(value) : textOf(fields, field)
    }
    case 'terminal': {
      // 0 says that there is no terminal, which is no terminal's name.
      const number = integerOf(fields, field)
      if (number !== 0) return number === undefined ? undefined : String(number)
      fields.keep(field)
      return undefined
    }
    case 'ns': {
      const ns = integerOf(fields, field)
      const ms = ns === undefined ? undefined : Math.floor(ns / 1e6)
      if (ms === undefined || isEventTime(ms)) return ms
      fields.keep(field)
      return undefined
    }
  }
}

/** Sets a value at a path, making the objects on the way. Paths are ours, never the sender's. */
function put(target: JsonRecord, names: readonly string[], value: unknown) {
  const last = names.length - 1
  let node = target
  for (let n = 0; n < last; n++) {
    const name = names[n] as string
    if (!Object.hasOwn(node, name)) node[name] = {}
    node = node[name] as JsonRecord
  }
  node[names[last] as string] = value
}
