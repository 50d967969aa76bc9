import { z } from 'zod'
import { drop, type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata, type Workload } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import { attacksOf } from './mitre.js'
import { splitShipped } from './shipper.js'
import { connectionDraft } from './tetragon-connection.js'
import { mapping } from './tetragon-mapping.js'
import { probeDraft } from './tetragon-probe.js'
import { actorOf, containerOf, processOf, workloadOf } from './tetragon-process.js'
import { isEventTime, parseTime } from './time.js'

const PROBES = ['process_kprobe', 'process_tracepoint', 'process_lsm', 'process_uprobe', 'process_usdt'] as const
const CONNECTIONS = [
  'process_connect',
  'process_accept',
  'process_listen',
  'process_close',
  'process_sockstats',
] as const
const KINDS = new Set<string>([
  'process_exec',
  'process_exit',
  'process_loader',
  'process_throttle',
  'rate_limit_info',
  'test',
  ...PROBES,
  ...CONNECTIONS,
])

/** Tetragon's JSON export (gRPC GetEvents as one object a line). */
export const tetragon = defineFormat({
  name: 'tetragon',
  summary: 'Tetragon events as process, file, network, kernel and module activity; its own rate limits as coverage',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping,
  split: (record) => splitShipped(record, isTetragon),
  detect(shipped) {
    const record = splitShipped(shipped, isTetragon)?.[0] ?? shipped
    return isObject(record) && isTetragon(record) ? ('node_name' in record || 'time' in record ? 0.97 : 0.8) : 0
  },
  create: () => (shipped) => {
    const record = splitShipped(shipped, isTetragon)?.[0] ?? shipped
    if (!isObject(record)) return reject('not_tetragon', `expected an object, found ${kindOf(record)}`)
    const kind = kindIn(record)
    if (kind === undefined) {
      return reject('not_tetragon', 'expected one of process_exec, process_exit, process_kprobe ..., found none')
    }
    if (kind === 'test') return drop('test_event')
    const fields = new Fields(record, '')
    const outcome = read(kind, fields)
    if (outcome.kind !== 'ok') return outcome
    const draft = outcome.value
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) {
      draft.unmapped = {}
      for (const key of Object.keys(unmapped)) setOwn(draft.unmapped, key, unmapped[key])
    }
    return ok([draft])
  },
})

function isTetragon(record: JsonRecord): boolean {
  return kindIn(record) !== undefined
}

function kindIn(record: JsonRecord): string | undefined {
  for (const key in record) if (KINDS.has(key) && isObject(record[key])) return key
  return undefined
}

function read(kind: string, record: Fields): Outcome<EventDraft> {
  const event = record.object(kind) as Fields
  const original_time = record.text('time')
  const time = original_time === undefined ? undefined : parseTime(original_time)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `time: expected a date from 1970 to 2200, found ${kindOf(original_time)}`)
  }
  const node = record.text('node_name')
  const cluster = record.text('cluster_name')
  const count = record.object('aggregation_info')?.number('count')
  const base = {
    severity_id: 1,
    metadata: defined({
      product: { name: 'Tetragon', vendor_name: 'Cilium' },
      profiles: ['host', 'container'],
      log_name: 'tetragon',
      event_code: kind,
      original_time,
    }) as Partial<Metadata>,
    ...(time === undefined ? {} : { time }),
    ...(count !== undefined && Number.isInteger(count) && count > 0 ? { count } : {}),
    ...(node === undefined ? {} : { device: { hostname: node, type_id: 0 } }),
  }
  if (kind === 'rate_limit_info' || kind === 'process_throttle') return ok(lossDraft(kind, event, base, node))
  const subject = event.object('process')
  if (subject === undefined) return reject('not_tetragon', event.lacks('process', 'an object'))
  const { process, pod } = processOf(subject, event)
  const workload = workloadOf(process, pod, { node, cluster })
  const about: About = { ...base, ...(workload === undefined ? {} : { workload }) }
  about.device ??= deviceOf(process)
  return ok(draftOf(kind, event, process, about))
}

type About = {
  severity_id: number
  time?: number
  workload?: Workload
  device?: JsonRecord
  metadata: Partial<Metadata>
}

function draftOf(kind: string, event: Fields, process: JsonRecord, about: About): EventDraft {
  if (kind === 'process_exec') {
    return {
      ...about,
      class_uid: CLASS.process_activity,
      activity_id: 1,
      status_id: 1,
      launch_type_id: /\bexecve/.test(String((process.xattributes as JsonRecord | undefined)?.flags ?? '')) ? 3 : 0,
      message: `Started: ${String(process.cmd_line ?? process.name ?? process.pid)}`.slice(0, 1024),
      actor: actorOf(process),
      process,
    }
  }
  if (kind === 'process_exit') return exitDraft(event, process, about)
  if (kind === 'process_loader') {
    const path = event.text('path') ?? 'unknown'
    const uid = event.text('buildid')
    return {
      ...about,
      class_uid: CLASS.module_activity,
      activity_id: 1,
      status_id: 1,
      message: `Loaded ${path}`.slice(0, 1024),
      actor: { process },
      module: {
        file: defined({ name: path.slice(path.lastIndexOf('/') + 1) || path, path, type_id: 1, uid }),
        load_type_id: 1,
      },
    }
  }
  const draft = (CONNECTIONS as readonly string[]).includes(kind)
    ? connectionDraft(kind, event, process, about)
    : probeDraft(kind, event, process, about)
  addPolicy(draft, event)
  return draft
}

function exitDraft(event: Fields, process: JsonRecord, about: About): EventDraft {
  const status = event.number('status')
  const signal = event.text('signal')
  const ended = event.text('time')
  const end = ended === undefined ? undefined : parseTime(ended)
  if (end !== undefined && isEventTime(end)) process.terminated_time = end
  else if (about.time !== undefined) process.terminated_time = about.time
  const how = signal === undefined ? '' : ` by ${signal}`
  return {
    ...about,
    class_uid: CLASS.process_activity,
    activity_id: 2,
    status_id: 1,
    // proto3 leaves out what is 0: an exit without status and signal was a success.
    exit_code: status === undefined || !Number.isInteger(status) ? 0 : status,
    ...(signal === undefined ? {} : { status_detail: signal }),
    message: `Ended${how}: ${String(process.cmd_line ?? process.name ?? process.pid)}`.slice(0, 1024),
    actor: actorOf(process),
    process,
  }
}

/** The tracing policy behind an event: its name, what it says, and whether it stopped what happened. */
function addPolicy(draft: EventDraft, event: Fields) {
  const name = event.text('policy_name')
  const message = event.text('message')
  const tags = event.texts('tags')
  const metadata = draft.metadata as Partial<Metadata>
  if (name !== undefined) draft.policy = defined({ name, type: 'TracingPolicy', desc: message })
  if (message !== undefined) draft.message = `${message}: ${draft.message}`.slice(0, 1024)
  if (tags.length > 0) {
    metadata.labels = tags
    const attacks = attacksOf(tags.map((tag) => tag.replace(/^.*(?:mitre|attack)[-_.:]+(t\d{4})/i, '$1')))
    if (attacks.length > 0) draft.attacks = attacks
  }
  const action = event.text('action')
  const answered = event.text('return_action')
  const actions = [action, answered].filter((one) => one !== undefined)
  if (name === undefined && actions.length === 0) return
  metadata.profiles = [...(metadata.profiles ?? []), 'security_control']
  const stopped = actions.find((one) => /SIGKILL|OVERRIDE|SIGNAL|ENFORCE|NOTIFYENFORCER/.test(one))
  draft.action_id = stopped === undefined ? 3 : 2
  draft.disposition_id = stopped === undefined ? 17 : 2
  draft.is_alert = stopped !== undefined
  if (stopped !== undefined) {
    draft.severity_id = 3
    draft.status_id = 2
    draft.status_detail = stopped
  }
}

/** What Tetragon did not report: blindness that an attacker may cause. */
function lossDraft(kind: string, event: Fields, base: Omit<About, 'workload'>, node: string | undefined): EventDraft {
  const lost = event.number('number_of_dropped_process_events')
  const type = event.text('type')
  const cgroup = event.text('cgroup')
  const ends = type !== undefined && /STOP/.test(type)
  const detail = cgroup === undefined ? '' : ` of ${cgroup}`
  return {
    ...base,
    class_uid: CLASS.coverage,
    activity_id: 1,
    status_id: ends ? 1 : 3,
    message:
      kind === 'process_throttle'
        ? `Tetragon ${ends ? 'reports again' : 'holds back'} the events${detail}.`
        : `Tetragon dropped ${lost ?? 'some'} process events: more happened than its rate limit lets through.`,
    source: defined({ name: 'tetragon', format: 'tetragon', instance: node }),
    ...(lost !== undefined && Number.isInteger(lost) && lost >= 0 ? { lost_count: lost } : {}),
    metadata: { ...base.metadata, profiles: ['host'] },
  }
}

/** Where no node is named the container is the device. */
function deviceOf(process: JsonRecord): JsonRecord {
  const container = containerOf(process)
  return container === undefined
    ? { name: 'unknown', type_id: 0 }
    : defined({ uid: container.uid, name: container.name, type_id: 99, type: 'Container' })
}
