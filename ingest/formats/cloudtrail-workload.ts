import type { Workload } from '../../ocsf/event.js'
import { functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { isInstanceId, namesInstance } from './aws.js'
import type { Identity } from './cloudtrail-identity.js'
import { defined, isObject, type JsonRecord } from './fields.js'

/** What of a CloudTrail record says which workload it concerns. */
export type Call = {
  identity: Identity
  /** `lambda.amazonaws.com` */
  service: string
  user_agent: string | undefined
  source_address: string | undefined
  account: string | undefined
  region: string | undefined
  request: unknown
  response: unknown
}

const LAMBDA = 'lambda.amazonaws.com'
const INSTANCE_PARAMETERS = ['instanceId', 'target', 'instanceIds', 'instancesSet'] as const
const NONE: readonly string[] = []

/**
 * The workload a call concerns: first the one that called (a function's or an instance's role session, also when
 * somebody else holds its credentials), else the single function or instance that was called upon. Undefined for calls
 * of people and services on anything else.
 */
export function workloadOf(call: Call, isFunctionRole: (role: string) => boolean): Workload | undefined {
  return callerOf(call, isFunctionRole) ?? targetOf(call)
}

function callerOf(call: Call, isFunctionRole: (role: string) => boolean): Workload | undefined {
  const { identity, account, region } = call
  const { session, scope, role } = identity
  const issued = scope.issued_to === undefined ? undefined : functionOf(scope.issued_to, call)
  if (issued && scope.type !== 'AWS::EC2::Instance') return issued
  if (session === undefined) return undefined
  const owner = identity.account ?? account
  if (isInstanceId(session)) {
    return vmWorkload(session, session, defined({ ...where(owner, region), role }))
  }
  return actsAsFunction(call, session, isFunctionRole)
    ? functionWorkload('aws', owner ?? 'unknown', region ?? 'unknown', session)
    : undefined
}

/**
 * Lambda names the session of a function's role after the function. Whether a role is a function's is told by the
 * runtime's user agent, by Lambda calling itself, or by the role's name: credentials that were stolen come with the
 * thief's user agent, and must still be seen as the function's.
 */
function actsAsFunction(call: Call, session: string, isFunctionRole: (role: string) => boolean): boolean {
  const { identity, user_agent = '', source_address } = call
  if (user_agent.includes('exec-env/AWS_Lambda_')) return true
  if (identity.invoked_by === LAMBDA || source_address === LAMBDA || user_agent === LAMBDA) return true
  const role = identity.role
  return role !== undefined && (isNamedAfter(role, session) || isFunctionRole(role))
}

/** `orders-role-ab12cd34` (the console's name for the role of `orders`), `orders-exec`, `lambda-orders`. */
function isNamedAfter(role: string, session: string): boolean {
  const rest = role.startsWith(session) ? role.slice(session.length) : undefined
  if (rest !== undefined) return /^[-_.]?(lambda|role|exec|execution)/i.test(rest)
  return role.endsWith(session) && /lambda[-_.]?$/i.test(role.slice(0, -session.length))
}

function targetOf(call: Call): Workload | undefined {
  if (!isObject(call.request)) return undefined
  const { request } = call
  if (call.service === LAMBDA && typeof request.functionName === 'string') {
    return functionOf(request.functionName, call) ?? named(request.functionName, call)
  }
  const instances = instancesOf(request, call.response)
  const only = instances.length === 1 ? instances[0] : undefined
  return only === undefined ? undefined : vmWorkload(only, only, where(call.account, call.region))
}

/**
 * Instance ids in request parameters: `instanceId`, `target` (SSM), `instancesSet.items[].instanceId`, `instanceIds`. Only
 * the answer names the instances that RunInstances launched.
 */
export function instancesOf(request: JsonRecord, response: unknown): readonly string[] {
  if (!INSTANCE_PARAMETERS.some((name) => Object.hasOwn(request, name))) return NONE
  const found: unknown[] = [request.instanceId, request.target]
  if (Array.isArray(request.instanceIds)) found.push(...request.instanceIds.slice(0, 100))
  for (const set of [request.instancesSet, isObject(response) ? response.instancesSet : undefined]) {
    const items = isObject(set) ? set.items : undefined
    if (Array.isArray(items)) for (const item of items.slice(0, 100)) if (isObject(item)) found.push(item.instanceId)
  }
  return [...new Set(found.filter((id): id is string => typeof id === 'string' && namesInstance(id)))]
}

/** The function of an ARN `arn:aws:lambda:region:account:function:name[:version]`. */
function functionOf(arn: string, call: Call): Workload | undefined {
  const [scheme, , service, region, account, kind, name, version] = arn.split(':', 9)
  if (scheme !== 'arn' || service !== 'lambda' || kind !== 'function' || !name) return undefined
  return functionWorkload(
    'aws',
    account || (call.account ?? 'unknown'),
    region || (call.region ?? 'unknown'),
    name,
    versionOf(version),
  )
}

/** A name, `account:name` or `name:version`, the other ways Lambda lets callers name a function. */
function named(text: string, call: Call): Workload | undefined {
  const parts = text.split(':', 4)
  if (parts.length > 3) return undefined
  const account = /^\d{12}$/.test(parts[0] ?? '') && parts.length > 1 ? parts.shift() : undefined
  if (parts[0] === 'function') parts.shift()
  const [name, version] = parts
  if (!name) return undefined
  return functionWorkload(
    'aws',
    account ?? call.account ?? 'unknown',
    call.region ?? 'unknown',
    name,
    versionOf(version),
  )
}

/** Only a number is a version; an alias (`prod`) or $LATEST names different code over time. */
function versionOf(text: string | undefined): { version?: string } {
  return text !== undefined && /^\d+$/.test(text) ? { version: text } : {}
}

function where(account: string | undefined, region: string | undefined) {
  return defined({ provider: 'aws', account, region })
}
