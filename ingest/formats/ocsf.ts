import { z } from 'zod'
import { ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { upgrade } from './ocsf-upgrade.js'
import { isEventTime, parseTime } from './time.js'

/** OCSF's rule: within one major version nothing valid becomes invalid, so all of 1.x can be read; 0.x drafts cannot. */
const READABLE = /^1\.\d{1,6}(\.\d{1,3})?$/

/**
 * Events that are OCSF already. Nothing is done per attribute here: types and enums are the validator's work, and
 * attributes that 1.8.0 does not know are moved to `unmapped` only where it finds some (ocsf/unknown.ts).
 */
export const ocsf = defineFormat({
  name: 'ocsf',
  summary: 'Native OCSF events, versions 1.0 to 1.8: passed through, older ones upgraded, unknown attributes unmapped',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: true,
  detect(record) {
    if (!isObject(record) || !Number.isInteger(record.class_uid)) return 0
    return isObject(record.metadata) ? 1 : 0.6
  },
  create: () => (record) => {
    if (!isObject(record)) return reject('not_ocsf', `expected an object with class_uid, found ${kindOf(record)}`)
    const problem = headProblem(record)
    if (problem) return reject(problem.reason, problem.detail)
    const { metadata } = record as { metadata?: JsonRecord }
    if (metadata?.version !== undefined && metadata.version !== '1.8.0') upgrade(record, metadata)
    if (record.workload !== undefined) completeWorkload(record.workload as JsonRecord)
    return ok([record as EventDraft])
  },
})

type Refusal = { reason: 'not_ocsf' | 'wrong_type' | 'bad_time' | 'unsupported_version'; detail: string }

/** What makes a record unusable before the validator can look at it. */
function headProblem(record: JsonRecord): Refusal | undefined {
  for (const name of ['class_uid', 'time'] as const) {
    const value = record[name]
    if (name === 'time' && typeof value === 'string') {
      // Tables that have dates write them as text.
      const time = parseTime(value)
      if (time !== undefined) {
        record.time = time
        continue
      }
    }
    if (value === undefined) return { reason: 'not_ocsf', detail: `${name}: required, not found` }
    if (!Number.isInteger(value)) return wrongType(name, 'an integer', value)
  }
  if (!isEventTime(record.time as number)) {
    return { reason: 'bad_time', detail: `time: expected ms since 1970, before the year 2200, found ${record.time}` }
  }
  if (record.activity_id === undefined) {
    // type_uid = class_uid * 100 + activity_id, so an event that has only the former says the same.
    if (!Number.isInteger(record.type_uid)) {
      return { reason: 'not_ocsf', detail: 'activity_id: required, not found, nor a type_uid to derive it from' }
    }
    record.activity_id = (record.type_uid as number) % 100
  }
  return metadataProblem(record.metadata) ?? workloadProblem(record.workload)
}

function metadataProblem(metadata: unknown): Refusal | undefined {
  if (metadata === undefined) return undefined
  if (!isObject(metadata)) return wrongType('metadata', 'an object', metadata)
  const { version } = metadata
  if (version === undefined || version === '1.8.0') return undefined
  if (typeof version !== 'string') return wrongType('metadata.version', 'a string', version)
  if (READABLE.test(version)) return undefined
  return {
    reason: 'unsupported_version',
    detail: `metadata.version: expected an OCSF version 1.x, found ${kindOf(version)}`,
  }
}

/** A workload that comes with the event must say at least what it is; the key of everything is never guessed over it. */
function workloadProblem(workload: unknown): Refusal | undefined {
  if (workload === undefined) return undefined
  if (!isObject(workload)) return wrongType('workload', 'an object', workload)
  const { kind, uid } = workload
  if (kind !== 'vm' && kind !== 'container' && kind !== 'function') {
    return wrongType('workload.kind', 'vm, container or function', kind)
  }
  if (typeof uid !== 'string' || uid === '') return wrongType('workload.uid', 'a string that is not empty', uid)
  return undefined
}

/** Name and group may be left out by senders that know only the identity. */
function completeWorkload(workload: JsonRecord) {
  const uid = workload.uid as string
  workload.name ??= uid.slice(uid.indexOf('/') + 1) || uid
  workload.group ??= workload.name
}

function wrongType(path: string, expected: string, value: unknown): Refusal {
  return { reason: 'wrong_type', detail: `${path}: expected ${expected}, found ${kindOf(value)}` }
}
