import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type JsonObject } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { readEngineEvent } from './docker-event.js'
import { containerFacts, inspectEvents } from './docker-inspect.js'
import { type ContainerFacts, type EngineHost, isContainerId } from './docker-objects.js'
import { type DockerSample, statsEvents } from './docker-stats.js'
import { Fields, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import { isEventTime } from './time.js'

/** A way to the engine's API over the network that asks the client for no certificate, found by a collector. */
export type DockerExposure = {
  /** ms since 1970. */
  readonly time: number
  /** As a client would write it: tcp://192.0.2.1:2375. */
  readonly address: string
  readonly ip?: string
  readonly port: number
  /** True if the engine shows a certificate of its own; it then still knows nothing about its clients. */
  readonly is_tls: boolean
  /** One sentence: how it was found. */
  readonly evidence: string
}

/** What the engine has under the name of a pulled image: its own id, and what registries call it (`name@sha256:...`). */
type PulledImage = { readonly id?: string; readonly digests?: readonly string[] }

type Known = { readonly id: string; readonly name?: string; readonly image?: string }

/**
 * What the collector `docker` emits: an engine event or what it asked the engine for, and what it knows besides.
 * `host` is OCSF's device object of the engine's machine.
 */
export type DockerRecord = { readonly host?: JsonObject } & (
  | { readonly kind: 'event'; readonly event: object; readonly container?: Known; readonly image?: PulledImage }
  | { readonly kind: 'inspect'; readonly time: number; readonly started: boolean; readonly inspect: object }
  | { readonly kind: 'stats'; readonly container: Known; readonly sample: DockerSample; readonly before?: DockerSample }
  | ({ readonly kind: 'exposure' } & DockerExposure)
)

/**
 * The Docker engine: its event stream (bare, as `docker events --format json` prints it, or wrapped as
 * `{"integration":"docker","docker":{...}}`), and what the collector asks it for.
 */
export const dockerEvents = defineFormat({
  name: 'docker_events',
  summary:
    'Docker engine events as container lifecycle, process and API activity; inspections, statistics and exposure',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  detect(record) {
    if (!isObject(record)) return 0
    const event = isObject(record.docker) ? record.docker : isObject(record.event) ? record.event : record
    if (typeof event.Type === 'string' && typeof event.Action === 'string' && isObject(event.Actor)) return 0.95
    return record.kind !== undefined && typeof record.kind === 'string' && readers.has(record.kind) ? 0.5 : 0
  },
  create: () => (record) => {
    if (!isObject(record)) return reject('not_docker_event', `expected an object, found ${kindOf(record)}`)
    const { kind } = record
    if (typeof kind !== 'string') return readEvent(isObject(record.docker) ? record.docker : record, {})
    const read = readers.get(kind)
    return read
      ? read(record)
      : reject('not_docker_event', `kind: expected ${[...readers.keys()].join(', ')}, found ${kindOf(kind)}`)
  },
})

const readers = new Map<string, (record: JsonRecord) => Outcome<EventDraft[]>>([
  [
    'event',
    (record) =>
      isObject(record.event) ? readEvent(record.event, record) : missing('event', 'an object', record.event),
  ],
  ['inspect', readInspect],
  ['stats', readStats],
  ['exposure', readExposure],
])

function readEvent(event: JsonRecord, record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(event, '')
  const container = isObject(record.container)
    ? { name: text(record.container.name), image: text(record.container.image) }
    : undefined
  const image = isObject(record.image) ? record.image : undefined
  const outcome = readEngineEvent(fields, { host: hostOf(record), container, image })
  if (outcome.kind !== 'ok') return outcome
  const unmapped = fields.rest()
  const [draft] = outcome.value
  if (draft && Object.keys(unmapped).length > 0) {
    draft.unmapped = {}
    for (const [key, value] of Object.entries(unmapped)) setOwn(draft.unmapped, key, value)
  }
  return outcome
}

function readInspect(record: JsonRecord): Outcome<EventDraft[]> {
  const { inspect, time, started } = record
  if (!isObject(inspect)) return missing('inspect', 'an object', inspect)
  if (typeof time !== 'number' || !isEventTime(time)) return missing('time', 'ms from 1970 to 2200', time)
  const facts = containerFacts(inspect)
  if (!facts) return missing('inspect.Id', 'the id of a container', inspect.Id)
  try {
    return ok(inspectEvents(inspect, facts, { time, started: started === true, host: hostOf(record) }))
  } catch (error) {
    if (error instanceof RangeError) return reject('too_deep', 'the answer is nested too deep to be kept as text')
    throw error
  }
}

function readStats(record: JsonRecord): Outcome<EventDraft[]> {
  const { sample, before, container } = record
  if (!isSample(sample)) return missing('sample', 'numbers and a time', sample)
  if (before !== undefined && !isSample(before)) return missing('before', 'numbers and a time', before)
  if (!isObject(container) || !isContainerId(container.id))
    return missing('container.id', 'the id of a container', container)
  const facts: ContainerFacts = { id: container.id, name: text(container.name), image: text(container.image) }
  const events = statsEvents(sample, before, facts, hostOf(record))
  return events.length > 0 ? ok(events) : { kind: 'drop', reason: 'no_measurement' }
}

function readExposure(record: JsonRecord): Outcome<EventDraft[]> {
  const { time, address, ip, port, is_tls, evidence } = record
  if (typeof time !== 'number' || !isEventTime(time)) return missing('time', 'ms from 1970 to 2200', time)
  if (typeof address !== 'string') return missing('address', 'a text', address)
  if (typeof port !== 'number') return missing('port', 'a number', port)
  if (typeof is_tls !== 'boolean') return missing('is_tls', 'a boolean', is_tls)
  const host = hostOf(record)
  const is_local = typeof ip === 'string' && (ip.startsWith('127.') || ip === '::1')
  const reach = is_local ? 'every program and user of this machine' : 'whoever reaches it'
  return ok([
    {
      class_uid: CLASS.container_lifecycle,
      activity_id: 21,
      time,
      severity_id: is_local ? 3 : 5,
      status_id: 1,
      metadata: { product: { name: 'Docker Engine', vendor_name: 'Docker' }, log_name: 'exposure' },
      message:
        `The Docker API answers at ${address} ${is_tls ? 'without asking for a client certificate' : 'without TLS'}: ${reach} is root here. ${text(evidence) ?? ''}`.trim(),
      api_exposure: { address, ...(typeof ip === 'string' ? { ip } : {}), port, is_tls, is_authenticated: false },
      ...(host ? { device: { ...host } } : {}),
    },
  ])
}

function isSample(value: unknown): value is DockerSample {
  if (!isObject(value) || typeof value.time !== 'number' || !isEventTime(value.time)) return false
  return Object.values(value).every((number) => typeof number === 'number' && Number.isFinite(number) && number >= 0)
}

function hostOf(record: JsonRecord): EngineHost | undefined {
  return isObject(record.host) ? (record.host as EngineHost) : undefined
}

function missing(path: string, expected: string, found: unknown): Outcome<never> {
  return reject('wrong_type', `${path}: expected ${expected}, found ${kindOf(found)}`)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
