import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type JsonObject } from '../../ocsf/event.js'
import {
  type ContainerFacts,
  containerObject,
  deviceOf,
  type EngineHost,
  imageObject,
  isContainerId,
  workloadOf,
} from './docker-objects.js'
import type { Fields, JsonRecord } from './fields.js'
import { isEventTime } from './time.js'

/** Actions of the engine on containers as activities of our Container Lifecycle class; the rest is 99 with its own name. */
const CONTAINER_ACTIVITIES: { readonly [action: string]: number } = {
  create: 1,
  start: 2,
  die: 3,
  stop: 3,
  pause: 4,
  unpause: 5,
  destroy: 6,
  delete: 6,
  remove: 6,
  restart: 7,
  // The engine can miss that a container's last process was killed for memory, 2 times in 30 for one that dies at once.
  // It then says `die` with 137 alone, and its State.OOMKilled, set in the same step, is false: asking adds nothing.
  oom: 8,
  health_status: 9,
  update: 13,
  attach: 14,
  exec_create: 15,
  exec_start: 15,
  exec_die: 15,
  kill: 16,
  rename: 17,
  commit: 18,
  copy: 19,
  export: 19,
  'archive-path': 19,
  'extract-to-dir': 19,
}
const NETWORK_ACTIVITIES: { readonly [action: string]: number } = { connect: 10, disconnect: 11 }
const IMAGE_ACTIVITIES: { readonly [action: string]: number } = { pull: 12, delete: 20, untag: 20 }
/** OCSF API Activity: what happens to volumes, the daemon itself, and whatever newer engines report. */
const API_ACTIVITIES: { readonly [action: string]: number } = {
  create: 1,
  update: 3,
  reload: 3,
  destroy: 4,
  remove: 4,
  prune: 4,
}

/** What a collector knows besides the event. */
export type EventContext = {
  readonly host: EngineHost | undefined
  /** Facts about the container of a network event, which itself has the id only. */
  readonly container: Partial<ContainerFacts> | undefined
  /** What the engine has under the name of a pulled image: its id and the digests of registries. */
  readonly image: JsonRecord | undefined
}

type Head = {
  readonly type: string
  readonly action: string
  /** What follows the colon: the command of an exec, the state of a health check. */
  readonly detail: string | undefined
  readonly id: string
  readonly attributes: Fields | undefined
  readonly context: EventContext
  readonly base: Pick<EventDraft, 'severity_id' | 'status_id' | 'time'> & {
    metadata: NonNullable<EventDraft['metadata']>
  }
}

/** One event of the engine's stream, as `GET /events` and `docker events --format json` write it. */
export function readEngineEvent(event: Fields, context: EventContext): Outcome<EventDraft[]> {
  // Engines before API 1.22 say status, id and from only; newer ones repeat them for containers.
  const status = event.text('status')
  const legacyId = event.text('id')
  const legacyImage = event.text('from')
  const type = event.text('Type') ?? (status === undefined ? undefined : 'container')
  const said = event.text('Action') ?? status
  if (type === undefined || said === undefined) {
    return reject('not_docker_event', event.lacks(type === undefined ? 'Type' : 'Action'))
  }
  const time = timeOf(event)
  if (time === undefined || !isEventTime(time)) {
    return reject('bad_time', 'timeNano or time: expected a time from 1970 to 2200')
  }
  event.any('scope')
  const actor = event.object('Actor')
  const id = actor?.text('ID') ?? legacyId ?? ''
  const attributes = actor?.object('Attributes')
  const colon = said.indexOf(':')
  const action = (colon < 0 ? said : said.slice(0, colon)).trim()
  const detail = colon < 0 ? undefined : said.slice(colon + 1).trim()
  const base = {
    time,
    severity_id: 1,
    status_id: 1,
    metadata: {
      product: { name: 'Docker Engine', vendor_name: 'Docker' },
      log_name: 'events',
      event_code: `${type}.${action}`.slice(0, 128),
    },
  }
  const head: Head = { type, action, detail, id, attributes, context, base }
  if (type === 'container' && /^[\w.-]{12,128}$/.test(id)) return ok([containerEvent(head, legacyImage)])
  if (type === 'network' && id !== '') return ok([networkEvent(head)])
  if (type === 'image' && id !== '') return ok([imageEvent(head)])
  return ok([apiEvent(head)])
}

function containerEvent(head: Head, legacyImage: string | undefined): EventDraft {
  const { action, detail, attributes, id, base, context } = head
  const execution = attributes?.text('execID')
  const exit = attributes?.number('exitCode')
  const signal = attributes?.text('signal')
  const facts: ContainerFacts = {
    id,
    name: attributes?.text('name') ?? context.container?.name,
    image: attributes?.text('image') ?? legacyImage ?? context.container?.image,
    ...labelsOf(attributes),
  }
  const about = { ...base, ...aboutContainer(facts, context.host) }
  const exit_code = exit === undefined ? {} : { exit_code: Math.trunc(exit) }
  const named = facts.name ?? id.slice(0, 12)
  if (execution && action === 'exec_start' && detail) {
    return {
      ...processDraft(about, 1, commandProcess(execution, detail, facts)),
      message: `Command executed in container ${named}: ${detail}`,
    }
  }
  if (execution && action === 'exec_die') {
    const process = { uid: execution, container: containerObject(facts) }
    return { ...processDraft(about, 2, process), ...exit_code, message: `Command in container ${named} ended` }
  }
  const health = action === 'health_status' ? detail : undefined
  const severity_id = action === 'oom' ? 3 : health === 'unhealthy' ? 2 : 1
  return {
    ...about,
    class_uid: CLASS.container_lifecycle,
    ...activity(CONTAINER_ACTIVITIES, action),
    severity_id,
    message: `Container ${named}: ${action}${detail ? ` ${detail}` : ''}`,
    ...exit_code,
    ...(signal ? { signal } : {}),
    ...(health ? { health } : {}),
    ...(execution && detail ? { process: commandProcess(execution, detail, facts) } : {}),
  }
}

/** Attributes that say what happened; every other one is a label of the container or its image. */
const NO_LABELS = new Set(['execDuration', 'oldName', 'comment', 'imageID', 'imageRef', 'containerID', 'exitStatus'])
const MAX_LABELS = 64

function labelsOf(attributes: Fields | undefined): Pick<ContainerFacts, 'labels'> {
  const labels: { [key: string]: string } = {}
  for (const name of attributes?.unread().slice(0, MAX_LABELS) ?? []) {
    if (NO_LABELS.has(name) || name === '__proto__') continue
    const value = attributes?.any(name)
    if (typeof value === 'string') labels[name] = value
    else attributes?.keep(name)
  }
  return Object.keys(labels).length === 0 ? {} : { labels }
}

function networkEvent(head: Head): EventDraft {
  const { id, attributes, context, base, action } = head
  const name = attributes?.text('name')
  const driver = attributes?.text('type')
  const containerId = attributes?.text('container')
  const network = { uid: id, ...(name ? { name } : {}), ...(driver ? { driver } : {}) }
  const facts = isContainerId(containerId)
    ? { id: containerId, name: context.container?.name, image: context.container?.image }
    : undefined
  const who = facts ? `Container ${facts.name ?? facts.id.slice(0, 12)}` : 'Engine'
  return {
    ...base,
    class_uid: CLASS.container_lifecycle,
    ...activity(NETWORK_ACTIVITIES, action),
    message: `${who}: network ${name ?? id.slice(0, 12)} ${action}`,
    ...(facts ? aboutContainer(facts, context.host) : aboutHost(context.host)),
    network,
  }
}

function imageEvent({ id, attributes, context, base, action }: Head): EventDraft {
  const name = attributes?.text('name')
  const pulled = digestOf(context.image)
  const digest = DIGEST.test(id) ? id : pulled
  // The name of a pull is the actor, and the attribute has it without the tag; or the actor is an id and the attribute
  // has all of it.
  const isTagged = name?.slice(name.lastIndexOf('/') + 1).includes(':') === true
  return {
    ...base,
    class_uid: CLASS.container_lifecycle,
    ...activity(IMAGE_ACTIVITIES, action),
    message: `Image ${name ?? id}: ${action}${pulled ? ` ${pulled}` : ''}`,
    ...aboutHost(context.host),
    image: isTagged
      ? imageObject(name as string, digest ?? (name?.startsWith(id) ? undefined : id))
      : imageObject(DIGEST.test(id) ? (name ?? id) : id, digest),
  }
}

const DIGEST = /^sha256:[0-9a-f]{64}$/

/** What the registry calls the content of a pulled image; else the engine's own id. */
function digestOf(image: JsonRecord | undefined): string | undefined {
  const digests = Array.isArray(image?.digests) ? image.digests : []
  for (const named of digests) {
    const digest = typeof named === 'string' ? named.slice(named.indexOf('@') + 1) : ''
    if (DIGEST.test(digest)) return digest
  }
  return typeof image?.id === 'string' && DIGEST.test(image.id) ? image.id : undefined
}

function apiEvent({ type, id, attributes, context, base, action, detail }: Head): EventDraft {
  const name = attributes?.text('name')
  return {
    ...base,
    class_uid: CLASS.api_activity,
    ...activity(API_ACTIVITIES, action),
    message: `Docker engine: ${type} ${action}${detail ? ` ${detail}` : ''}${id ? ` ${id}` : ''}`,
    ...aboutHost(context.host),
    actor: { app_name: 'Docker Engine' },
    api: { operation: `${type}.${action}`, service: { name: 'docker' } },
    src_endpoint: { svc_name: 'dockerd' },
    ...(id || name ? { resources: [{ type, ...(id ? { uid: id } : {}), ...(name ? { name } : {}) }] } : {}),
  }
}

/** The process an exec starts. It has no process id in the event; the exec's id tells it from others until it ends. */
function commandProcess(execution: string, cmd_line: string, facts: ContainerFacts): JsonObject {
  return { uid: execution, ...commandOf(cmd_line), container: containerObject(facts) }
}

/** Name and file of the first word of a command line. */
export function commandOf(cmd_line: string): JsonObject {
  // No path is longer.
  const path = /^\S+/.exec(cmd_line.slice(0, 4_096))?.[0] ?? cmd_line
  const name = path.slice(path.lastIndexOf('/') + 1) || path
  return { cmd_line, name, ...(path.startsWith('/') ? { file: { name, path, type_id: 1 } } : {}) }
}

/** A Process Activity (1007) event in a container: the engine is the actor. */
export function processDraft(
  about: Omit<EventDraft, 'class_uid' | 'activity_id'>,
  activity_id: 1 | 2,
  process: JsonObject,
): EventDraft {
  // The device carries the container; the process activity class itself has no container attribute.
  const { container: _, ...rest } = about
  return {
    ...(rest as Omit<EventDraft, 'class_uid' | 'activity_id'>),
    class_uid: CLASS.process_activity,
    activity_id,
    actor: { app_name: 'Docker Engine' },
    process,
  } as EventDraft
}

/** The attributes that say which container an event is about. */
export function aboutContainer(facts: ContainerFacts, host: EngineHost | undefined) {
  return { container: containerObject(facts), device: deviceOf(host, facts), workload: workloadOf(facts) }
}

function aboutHost(host: EngineHost | undefined) {
  return host ? { device: { ...host } } : {}
}

function activity(known: { readonly [action: string]: number }, action: string) {
  const activity_id = Object.hasOwn(known, action) ? known[action] : undefined
  return activity_id === undefined ? { activity_id: 99, activity_name: action.slice(0, 64) } : { activity_id }
}

function timeOf(event: Fields): number | undefined {
  const nano = event.number('timeNano')
  const seconds = event.number('time')
  if (nano !== undefined) return Math.floor(nano / 1e6)
  return seconds === undefined ? undefined : Math.floor(seconds * 1000)
}
