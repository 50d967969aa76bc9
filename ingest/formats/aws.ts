import { type Outcome, reject } from '../../core/outcome.js'
import type { Workload } from '../../ocsf/event.js'
import { containerWorkload, functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import { isEventTime, parseTime } from './time.js'

/** Where a record was made, as far as it says. */
export type AwsPlace = { readonly account: string | undefined; readonly region: string | undefined }

/** OCSF's account object of an AWS account id. */
export function awsAccount(id: string | undefined): JsonRecord | undefined {
  return id === undefined ? undefined : { uid: id, type: 'AWS Account', type_id: 10 }
}

/** OCSF `cloud` of AWS. */
export function awsCloud({ account, region }: AwsPlace, extra: { zone?: string | undefined } = {}): JsonRecord {
  return defined({ provider: 'AWS', account: awsAccount(account), region, zone: extra.zone })
}

export type Arn = {
  partition: string
  service: string
  region: string | undefined
  account: string | undefined
  /** `function:orders:7`, `instance/i-0abc`, `user/alice`. */
  resource: string
}

/** The parts of an ARN; undefined if the text is not one. */
export function arnOf(text: string | undefined): Arn | undefined {
  if (text === undefined || !text.startsWith('arn:')) return undefined
  const parts = text.split(':', 5)
  const [, partition = '', service = '', region, account] = parts
  if (parts.length < 5) return undefined
  const resource = text.slice(parts.join(':').length + 1)
  return { partition, service, region: region || undefined, account: account || undefined, resource }
}

const INSTANCE = /^i-[0-9a-z]{8,17}$/

/** True for the id of an EC2 instance. */
export function isInstanceId(text: string): boolean {
  return INSTANCE.test(text)
}

/** True for what stands in a field that holds instance ids. Names of role sessions need the stricter `isInstanceId`. */
export function namesInstance(text: string | undefined): text is string {
  return text !== undefined && /^i-[0-9a-zA-Z]{1,40}$/.test(text)
}

/** The instance with this id as a workload. */
export function instanceWorkload(
  id: string,
  place: AwsPlace,
  extra: { role?: string | undefined; image?: string | undefined; name?: string | undefined } = {},
): Workload {
  const { name, ...rest } = extra
  return vmWorkload(id, name ?? id, defined({ provider: 'aws', ...place, ...rest }))
}

/** The function with this name; the uid is the same whichever source tells of it. */
export function lambdaWorkload(name: string, place: AwsPlace, version?: string): Workload {
  const { account = 'unknown', region = 'unknown' } = place
  // Only a number is a version; an alias (`prod`) or $LATEST names different code over time.
  const extra = version !== undefined && /^\d+$/.test(version) ? { version } : {}
  return functionWorkload('aws', account, region, name, extra)
}

/**
 * The workload an ARN names: a function (`function:NAME[:VERSION]`) or an instance (`instance/i-0abc`); what the ARN
 * leaves out is taken from `place`.
 */
export function arnWorkload(text: string | undefined, place: AwsPlace): Workload | undefined {
  const arn = arnOf(text)
  if (arn === undefined) return undefined
  const where = { account: arn.account ?? place.account, region: arn.region ?? place.region }
  if (arn.service === 'lambda' && arn.resource.startsWith('function:')) {
    const [, name, version] = arn.resource.split(':', 3)
    return name ? lambdaWorkload(name, where, version) : undefined
  }
  if (arn.service === 'ec2' && arn.resource.startsWith('instance/')) {
    const id = arn.resource.slice('instance/'.length)
    return isInstanceId(id) ? instanceWorkload(id, where) : undefined
  }
  return undefined
}

/** `containerd://3f2a...`, `docker://3f2a...` and the bare id are one container. */
export function containerId(text: string): string {
  const at = text.indexOf('://')
  return at < 0 ? text : text.slice(at + 3)
}

/** A container with what AWS knows about it. */
export function awsContainer(
  id: string,
  name: string | undefined,
  place: AwsPlace,
  extra: { image?: string | undefined; cluster?: string | undefined; namespace?: string | undefined } = {},
): Workload {
  const uid = containerId(id)
  return containerWorkload(uid, name ?? uid.slice(0, 12), defined({ provider: 'aws', ...place, ...extra }))
}

/** ms since 1970 of the times AWS writes: ISO 8601 text, Unix seconds, Unix ms, the last two also as text. */
export function awsTime(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const ms = parseTime(value)
    if (ms !== undefined) return ms
    return /^\d{9,14}(\.\d{1,9})?$/.test(value) ? awsTime(Number(value)) : undefined
  }
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return undefined
  // Seconds stay below 1e11 until the year 5138; ms passed it in 1973.
  const ms = Math.round(value < 1e11 ? value * 1_000 : value)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** Key and value pairs of AWS tags, `[{Key, Value}]` or an object, as OCSF tags. */
export function awsTags(value: unknown): JsonRecord[] | undefined {
  const tags: JsonRecord[] = []
  const add = (name: unknown, text: unknown) => {
    if (typeof name !== 'string' || name === '') return
    if (typeof text === 'string') tags.push({ name, value: text })
    else if (Array.isArray(text)) tags.push({ name, values: text.filter((entry) => typeof entry === 'string') })
  }
  if (Array.isArray(value)) {
    for (const tag of value.slice(0, 128)) if (isObject(tag)) add(tag.key ?? tag.Key, tag.value ?? tag.Value)
  } else if (isObject(value)) for (const name of Object.keys(value).slice(0, 128)) add(name, value[name])
  return tags.length === 0 ? undefined : tags
}

/** The time under a key; what is none stays unmapped. */
export function awsTimeOf(fields: Fields | undefined, key: string): number | undefined {
  const ms = awsTime(fields?.any(key))
  if (ms !== undefined && isEventTime(ms)) return ms
  fields?.keep(key)
  return undefined
}

/** Why a record whose time could not be read is refused; undefined for one that has a time, or does not say any. */
export function badTime(fields: Fields, key: string, time: number | undefined): Outcome<never> | undefined {
  if (time !== undefined || fields.any(key) === undefined) return undefined
  return reject('bad_time', fields.lacks(key, 'a date from 1970 to 2200'))
}
