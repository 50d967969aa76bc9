import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat, type Format } from '../contract.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { type FieldRule, type Mapping, ndjsonConfig } from './ndjson/config.js'
import { convert, type TimeFormat } from './ndjson/convert.js'
import { type SourcePath, sourcePath, unread, valueAt } from './ndjson/source.js'
import { classOf, place, type Target, targetOf, wanted } from './ndjson/target.js'
import { isEventTime } from './time.js'

/** JSON records of any other source, by a mapping that the configuration gives. */
export const ndjson = defineFormat({
  name: 'ndjson',
  summary:
    'JSON records of any source, by a mapping in the configuration: class, attributes, constants, lookups, times',
  config: ndjsonConfig,
  example: {
    mappings: [
      {
        name: 'shop firewall',
        match: { type: 'fw' },
        class: 'network_activity',
        fields: {
          time: { from: 'ts', time: 'seconds' },
          activity_id: { from: 'verdict', lookup: { pass: 1, block: 5 }, default: 6 },
          severity_id: { value: 1 },
          status_id: { from: 'verdict', lookup: { pass: 'Success', block: 'Failure' } },
          'src_endpoint.ip': { from: ['client.ip', 'client_ip'], required: true },
          'dst_endpoint.svc_name': { value: 'shop' },
          'dst_endpoint.port': 'server.port',
        },
      },
    ],
  },
  input: 'json',
  keeps_raw: false,
  detect: () => 0,
  create({ mappings }) {
    const compiled = mappings.map(compile)
    return (record) => {
      if (!isObject(record)) return reject('not_an_object', `expected a JSON object, found ${kindOf(record)}`)
      const found = compiled.find(({ matches }) => matches(record))
      if (found !== undefined) return found.map(record)
      const names = mappings.map(({ name }) => name).join(', ') || 'none is configured'
      return reject('no_mapping', `no mapping of formats.ndjson matches the record (${names.slice(0, 300)})`)
    }
  },
})

type Rule = {
  target: Target
  from: readonly SourcePath[]
  value: unknown
  lookup: ReadonlyMap<string, unknown> | undefined
  fallback: unknown
  time: TimeFormat
  required: boolean
}

function compile(mapping: Mapping): {
  matches: (record: JsonRecord) => boolean
  map: (record: JsonRecord) => ReturnType<Format>
} {
  const schema = classOf(mapping.class)
  if (schema === undefined) throw new Error('unreachable: the configuration was checked')
  const rules = Object.entries(mapping.fields).map(([name, rule]) => ruleOf(targetOf(schema, name) as Target, rule))
  const conditions = Object.entries(mapping.match).map(([path, value]) => ({
    path: sourcePath(path),
    values: value === null ? undefined : new Set(Array.isArray(value) ? value : [value]),
  }))
  return {
    matches(record) {
      return conditions.every(({ path, values }) => {
        const value = valueAt(record, path)
        return values === undefined ? value !== undefined : values.has(value as string)
      })
    },
    map: (record) => draftOf(record, schema.uid, mapping.name, rules),
  }
}

function ruleOf(target: Target, rule: FieldRule): Rule {
  const {
    from,
    value,
    lookup,
    default: fallback,
    time,
    required,
  } = typeof rule === 'string'
    ? { from: rule, value: undefined, lookup: undefined, default: undefined, time: 'auto' as const, required: false }
    : rule
  const constant = (given: unknown) => (given === undefined ? undefined : convert(given, target.last, time))
  return {
    target,
    from: (Array.isArray(from) ? from : from === undefined ? [] : [from]).map(sourcePath),
    value: constant(value),
    lookup: lookup && new Map(Object.entries(lookup).map(([key, found]) => [key, constant(found)])),
    fallback: constant(fallback),
    time,
    required,
  }
}

function draftOf(record: JsonRecord, class_uid: number, name: string, rules: readonly Rule[]): Outcome<EventDraft[]> {
  const event: JsonRecord = { class_uid, severity_id: 1 }
  const read = new Set<string>()
  for (const rule of rules) {
    const { target, from } = rule
    const path = from.find((candidate) => valueAt(record, candidate) !== undefined)
    const raw = path === undefined ? undefined : valueAt(record, path)
    const looked = rule.lookup === undefined ? raw : rule.lookup.get(wordOf(raw))
    const found = looked === undefined ? undefined : convert(looked, target.last, rule.time)
    if (found !== undefined && path !== undefined) read.add(path.text)
    const value = found ?? rule.value ?? rule.fallback
    if (value === undefined) {
      if (!rule.required) continue
      const where = from.map(({ text }) => text).join(' or ')
      return reject(
        'mapping_failed',
        `${target.path}: expected ${wanted(target.last)} at ${where}, found ${kindOf(raw)}`,
      )
    }
    place(event, target, value)
  }
  if (event.time !== undefined && !isEventTime(event.time as number)) {
    return reject('bad_time', `time: expected a date from 1970 to 2200, found ${kindOf(event.time)}`)
  }
  event.activity_id ??= 0
  event.metadata ??= {}
  const metadata = event.metadata as JsonRecord
  metadata.product ??= { name }
  completeWorkload(event.workload)
  const rest = unread(record, read)
  if (Object.keys(rest).length > 0) event.unmapped = { ...rest, ...(isObject(event.unmapped) ? event.unmapped : {}) }
  return ok([event as EventDraft])
}

/** What a value is called in a lookup; objects are in none. */
function wordOf(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : ''
}

/** Kind and uid are enough in a mapping. */
function completeWorkload(workload: unknown) {
  if (!isObject(workload) || typeof workload.uid !== 'string') return
  workload.name ??= workload.uid.slice(workload.uid.indexOf('/') + 1) || workload.uid
  workload.group ??= workload.name
}
