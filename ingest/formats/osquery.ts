import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { defineFormat, type FormatContext } from '../contract.js'
import { imageObject } from './docker-objects.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, ownEntry } from './fields.js'
import { machineOf } from './machine.js'
import { columnsOf } from './osquery/columns.js'
import { osqueryMapping } from './osquery/mapping.js'
import { type Row, rowPart } from './osquery/rows.js'
import { profilesOf } from './profiles.js'
import { isEventTime, parseTime } from './time.js'

const PLATFORMS: { readonly [platform: string]: number } = {
  windows: 100,
  linux: 200,
  ubuntu: 200,
  debian: 200,
  centos: 200,
  rhel: 200,
  amzn: 200,
  darwin: 300,
}

/** osquery results: event, differential, snapshot and batch format, the TLS logger's envelope, and status lines. */
export const osquery = defineFormat({
  name: 'osquery',
  summary:
    'Results of osquery (event, differential, snapshot, batch; files and the TLS logger) by table, and its status lines',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: osqueryMapping,
  detect(record) {
    const [sample] = isObject(record) && Array.isArray(record.data) && 'log_type' in record ? record.data : [record]
    if (!isObject(sample) || (typeof sample.name !== 'string' && !('filename' in sample))) return 0
    const host = 'hostIdentifier' in sample || 'calendarTime' in sample || 'unixTime' in sample
    if (isObject(sample.columns))
      return host || 'decorations' in sample ? 0.95 : typeof sample.action === 'string' ? 0.85 : 0
    if (Array.isArray(sample.snapshot) || isObject(sample.diffResults)) return 0.95
    return host && 'severity' in sample && 'filename' in sample ? 0.9 : 0
  },
  split: splitResult,
  create: () => (record, context) => normalise(record, context),
})

/** Rows of a snapshot, a batch or the TLS logger's envelope as results of their own. */
function splitResult(record: unknown): unknown[] | undefined {
  if (!isObject(record)) return undefined
  if (Array.isArray(record.data) && typeof record.log_type === 'string') {
    return record.data.flatMap((entry) => splitResult(entry) ?? [entry])
  }
  const { snapshot, diffResults, ...head } = record
  if (Array.isArray(snapshot)) return snapshot.map((columns) => ({ ...head, columns, action: 'snapshot' }))
  if (!isObject(diffResults)) return undefined
  const rows = (action: 'added' | 'removed') => {
    const list = diffResults[action]
    return Array.isArray(list) ? list.map((columns) => ({ ...head, columns, action })) : []
  }
  return [...rows('added'), ...rows('removed')]
}

function normalise(record: unknown, context: FormatContext): Outcome<EventDraft[]> {
  if (!isObject(record))
    return reject('not_osquery', `expected an object with name and columns, found ${kindOf(record)}`)
  const fields = new Fields(record, '')
  const name = fields.text('name')
  const columns = fields.any('columns')
  const isStatus = columns === undefined && fields.any('filename') !== undefined
  if (!isStatus && (name === undefined || !isObject(columns))) {
    return reject('not_osquery', name === undefined ? fields.lacks('name') : fields.lacks('columns', 'an object'))
  }
  const draft = isStatus ? statusDraft(fields, context) : resultDraft(fields, name ?? '', columns, context)
  if (draft.time !== undefined && !isEventTime(draft.time)) {
    return reject('bad_time', `unixTime: expected seconds from 1970 to 2200, found ${kindOf(draft.time)}`)
  }
  const unmapped: JsonRecord = { ...fields.rest(), ...draft.unmapped }
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** Everything a result says besides its row. */
function headOf(fields: Fields, context: FormatContext) {
  const decorations = fields.object('decorations')
  const identifier = fields.text('hostIdentifier')
  const isUuid = identifier !== undefined && /^[0-9A-Fa-f-]{32,36}$/.test(identifier)
  const hostname = decorations?.text('hostname') ?? decorations?.text('host_name') ?? (isUuid ? undefined : identifier)
  const uuid = decorations?.text('host_uuid') ?? (isUuid ? identifier : undefined)
  const platform = decorations?.text('platform')
  const instance = decorations?.text('instance_id') ?? decorations?.text('ec2_instance_id')
  const machine = machineOf(
    {
      hostname,
      instance,
      // A hardware uuid is known to no other source: it stands for the machine only where nothing else does.
      uid: hostname === undefined ? uuid : undefined,
      resource: hostname === undefined ? undefined : uuid,
      os_type_id: platform === undefined ? undefined : (ownEntry(PLATFORMS, platform.toLowerCase()) ?? 99),
      os_name: platform,
    },
    context,
  )
  const calendar = fields.text('calendarTime')
  const unix = fields.number('unixTime')
  const ms =
    unix === undefined ? (calendar === undefined ? undefined : calendarTime(calendar)) : Math.floor(unix * 1000)
  return {
    machine,
    time: ms,
    original_time: calendar ?? (unix === undefined ? undefined : String(unix)),
    version: fields.text('version'),
  }
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/** `Tue Sep 11 16:14:21 2018 UTC`, or a date as ISO 8601 writes it. */
function calendarTime(text: string): number | undefined {
  const match = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})(?: UTC)?$/.exec(text)
  if (!match) return parseTime(text)
  const [, month = '', day = '', clock, year] = match
  const number = MONTHS.indexOf(month) / 3 + 1
  return parseTime(`${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}T${clock}`)
}

function resultDraft(fields: Fields, name: string, row: unknown, context: FormatContext): EventDraft {
  const head = headOf(fields, context)
  const columns = columnsOf(row)
  const word = fields.text('action') ?? 'added'
  const action = word === 'removed' || word === 'snapshot' ? word : 'added'
  const counter = fields.number('counter')
  const epoch = fields.number('epoch')
  const source: Row = { columns, name, action, isFirst: counter === 0 }
  const { class_uid, activity_id, of_device, message, ...rest } = rowPart(source)
  const happened = columns.integer('time')
  const time = happened !== undefined && happened > 0 ? happened * 1000 : head.time
  const draft: EventDraft = {
    class_uid,
    activity_id,
    severity_id: 1,
    ...rest,
    message: typeof message === 'string' ? message : `${name}: ${word}`,
    device: of_device === undefined ? head.machine.device : { ...head.machine.device, ...of_device },
  }
  if (time !== undefined) draft.time = time
  const container = columns.has('image') ? columns.text('id') : undefined
  if (container !== undefined) {
    const image = columns.text('image')
    const named = columns.text('name')?.replace(/^\//, '')
    draft.device = {
      ...head.machine.device,
      container: defined({
        uid: container,
        name: named,
        image: image === undefined ? undefined : imageObject(image, columns.text('image_id')),
      }),
    }
    draft.workload = containerWorkload(container, named ?? container, image === undefined ? {} : { image })
  } else if (head.machine.workload) draft.workload = head.machine.workload
  draft.metadata = {
    ...metadataOf(name, head, profilesOf(class_uid, draft)),
    ...(counter === undefined || !Number.isInteger(counter) || counter < 0 || counter > 2_147_483_647
      ? {}
      : { sequence: counter }),
    ...(action === word && action !== 'added' ? { labels: [action] } : {}),
  }
  const unmapped = columns.rest()
  if (epoch !== undefined) unmapped.epoch = epoch
  if (word !== action) unmapped.action = word
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return draft
}

function metadataOf(name: string, head: ReturnType<typeof headOf>, profiles: string[] | undefined) {
  return defined({
    product: defined({ name: 'osquery', vendor_name: 'osquery', version: head.version }),
    log_name: name,
    event_code: name,
    original_time: head.original_time,
    profiles,
  })
}

/** What osqueryd says about itself: glog's severities 0 info to 3 fatal. */
function statusDraft(fields: Fields, context: FormatContext): EventDraft {
  const head = headOf(fields, context)
  const severity = fields.number('severity') ?? 0
  const message = fields.text('message')
  const isError = severity >= 1
  const class_uid = isError ? CLASS.application_error : CLASS.application_lifecycle
  const draft: EventDraft = {
    class_uid,
    activity_id: isError ? 1 : 99,
    ...(isError ? {} : { activity_name: 'Message', app: { name: 'osquery', vendor_name: 'osquery' } }),
    severity_id: [1, 3, 4, 6][severity] ?? 1,
    device: head.machine.device,
  }
  if (message !== undefined) draft.message = message
  if (head.time !== undefined) draft.time = head.time
  if (head.machine.workload) draft.workload = head.machine.workload
  fields.keep('filename')
  draft.metadata = metadataOf('status', head, profilesOf(class_uid, draft))
  return draft
}
