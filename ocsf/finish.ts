import { hash } from 'node:crypto'
import { deriveWorkload } from './derive-workload.js'
import type { EventDraft, Metadata, OcsfEvent } from './event.js'
import { extension } from './extension.js'
import { ocsfSchema } from './schema.js'
import type { ClassSchema } from './table.js'
import { eventUid } from './uid.js'

/** Where a draft comes from. */
export type Origin = {
  /** Name of the wire format. */
  readonly format: string
  /** Name of the configured collector. */
  readonly instance: string
  /** The source record as text, to be kept as `raw_data`. */
  readonly raw?: string | undefined
  /** Where the record stood in its source; the same record read again has the same position. */
  readonly position?: string | undefined
  /** Number of this event among those its record became, from 0. */
  readonly ordinal: number
  /** When the record was received, ms since 1970. */
  readonly received_time: number
}

type Captions = {
  readonly category_uid: number
  readonly category_name: string
  readonly class_name: string
  readonly activity_name: string
  readonly type_name: string
  readonly severity: ReadonlyMap<number, string> | undefined
  readonly status: ReadonlyMap<number, string> | undefined
  readonly is_extension: boolean
}

const captionsOfType = new Map<number, Captions>()

/**
 * Makes a draft an event: derived numbers and captions, metadata.version, product and uid, raw_data, workload. Only
 * fills what is absent, so that what a source says itself is kept (and checked by `validate`). The uid depends on
 * instance and position if there is a position, else on the content, and on nothing else: the same record gives the
 * same uid on every run. Changes and returns the draft. Never throws; what it cannot make sense of, `validate` reports.
 */
export function finish(draft: EventDraft, origin: Origin): OcsfEvent {
  const event = draft as OcsfEvent
  const metadata: unknown = event.metadata
  const isUsable = metadata === undefined || (typeof metadata === 'object' && metadata !== null)
  // Before anything is filled in: the key is the content as the format wrote it.
  const uid = isUsable && (metadata as Metadata | undefined)?.uid === undefined ? uidOf(event, origin) : undefined

  event.time ??= origin.received_time
  const type = typeUid(event)
  if (type !== undefined) event.type_uid ??= type
  const captions = type === undefined ? undefined : captionsOf(event, type)
  if (captions !== undefined) {
    event.category_uid ??= captions.category_uid
    event.category_name ??= captions.category_name
    event.class_name ??= captions.class_name
    event.activity_name ??= captions.activity_name
    event.type_name ??= captions.type_name
    fillCaption(event, 'severity', captions.severity?.get(event.severity_id))
    if (event.status_id !== undefined) fillCaption(event, 'status', captions.status?.get(event.status_id))
  }
  if (isUsable) {
    event.metadata ??= {} as Metadata
    fillMetadata(event.metadata, origin, uid, captions?.is_extension === true)
  }
  if (origin.raw !== undefined) event.raw_data ??= origin.raw
  if (event.workload === undefined) {
    const workload = deriveWorkload(event)
    if (workload !== undefined) event.workload = workload
  }
  return event
}

function fillCaption(event: OcsfEvent, name: 'severity' | 'status', caption: string | undefined) {
  if (caption !== undefined) event[name] ??= caption
}

function fillMetadata(metadata: Metadata, origin: Origin, uid: string | undefined, isExtension: boolean) {
  metadata.version ??= ocsfSchema().version
  metadata.product ??= { name: 'Weir', vendor_name: 'Weir', feature: { name: origin.format } }
  if (uid !== undefined) metadata.uid = uid
  if (isExtension) {
    metadata.extensions ??= [{ name: extension.name, uid: String(extension.uid), version: extension.version }]
  }
}

function uidOf(event: OcsfEvent, origin: Origin): string {
  // The time of receipt differs on every delivery, and the uid must not.
  const time = typeof event.time === 'number' ? event.time : 0
  // A sender can choose content, and must not be able to make one event look like the repetition of another.
  const key =
    origin.position === undefined
      ? hash('sha256', origin.raw ?? contentOf(event), 'hex')
      : `${origin.instance}\n${origin.position}`
  return eventUid(time, origin.ordinal === 0 ? key : `${key}\n${origin.ordinal}`)
}

function contentOf(event: OcsfEvent): string {
  try {
    return JSON.stringify(event)
  } catch {
    // Too deep to be written; validate rejects it, so the uid does not matter.
    return ''
  }
}

function typeUid(event: OcsfEvent): number | undefined {
  const { class_uid, activity_id } = event
  return typeof class_uid === 'number' && typeof activity_id === 'number' ? class_uid * 100 + activity_id : undefined
}

function captionsOf(event: OcsfEvent, type: number): Captions | undefined {
  const known = captionsOfType.get(type)
  if (known !== undefined) return known
  const schema = ocsfSchema().classes.get(event.class_uid)
  const activity = schema?.attributes.get('activity_id')?.enum?.get(event.activity_id)
  // Only pairs the schema knows are kept: the map cannot grow from bad input.
  if (schema === undefined || activity === undefined) return undefined
  const captions = captionsFrom(schema, activity)
  captionsOfType.set(type, captions)
  return captions
}

function captionsFrom(schema: ClassSchema, activity: string): Captions {
  return {
    category_uid: schema.category_uid,
    category_name: schema.category_name,
    class_name: schema.caption,
    activity_name: activity,
    type_name: `${schema.caption}: ${activity}`,
    severity: schema.attributes.get('severity_id')?.enum,
    status: schema.attributes.get('status_id')?.enum,
    is_extension: schema.uid >= extension.uid * 100_000,
  }
}
