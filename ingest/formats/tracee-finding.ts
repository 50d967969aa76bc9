import { hash } from 'node:crypto'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { eventUid } from '../../ocsf/uid.js'
import { defined, type Fields, isObject, type JsonRecord, ownEntry } from './fields.js'
import { fileOf } from './kernel-calls.js'
import { attacksOf } from './mitre.js'
import type { Base } from './tracee-activity.js'
import type { Context } from './tracee-context.js'
import { networkDraft } from './tracee-network.js'

/** What a signature says. */
export type Threat = {
  readonly uid?: string | undefined
  readonly title?: string | undefined
  readonly desc?: string | undefined
  readonly category?: string | undefined
  readonly severity_id: number
  readonly tags: readonly string[]
  readonly techniques: readonly string[]
  /** Name of the one technique. */
  readonly technique?: string | undefined
}

const WORDS: { readonly [word: string]: number } = { info: 1, low: 2, medium: 3, high: 4, critical: 5 }

/** The signature behind an event; undefined if the event is none of a signature. */
export function threatOf(fields: Fields, signature: JsonRecord | undefined): Threat | undefined {
  if (signature !== undefined) return fromMetadata(signature)
  const threat = fields.any('threat')
  if (isObject(threat)) return fromThreat(threat)
  const metadata = fields.any('metadata')
  if (isObject(metadata) && isObject(metadata.Properties)) return fromMetadata(metadata)
  if (metadata !== undefined) fields.keep('metadata')
  return undefined
}

function fromMetadata(metadata: JsonRecord): Threat {
  const properties = isObject(metadata.Properties) ? metadata.Properties : {}
  const category = text(properties.Category)
  return {
    uid: text(properties.signatureID) ?? text(metadata.ID),
    title: text(properties.signatureName) ?? text(metadata.Name),
    desc: text(metadata.Description),
    category,
    technique: text(properties.Technique),
    severity_id: severityOf(properties.Severity),
    tags: listOf(metadata.Tags),
    techniques: [
      text(properties.external_id) ?? techniqueIn(text(properties['MITRE ATT&CK'])),
      tacticOf(category),
    ].filter((one) => one !== undefined),
  }
}

function fromThreat(threat: JsonRecord): Threat {
  const mitre = isObject(threat.mitre) ? threat.mitre : {}
  const technique = isObject(mitre.technique) ? mitre.technique : {}
  const tactic = isObject(mitre.tactic) ? mitre.tactic : {}
  const properties = isObject(threat.properties) ? threat.properties : {}
  return {
    uid: text(properties.signatureID),
    title: text(threat.name) ?? text(properties.signatureName),
    desc: text(threat.description),
    category: text(tactic.name),
    technique: text(technique.name),
    severity_id: severityOf(threat.severity),
    tags: [],
    techniques: [text(technique.id), tacticOf(text(tactic.name))].filter((one) => one !== undefined),
  }
}

/** 0 information, 1 low, 2 medium, 3 high, 4 critical; the gRPC output has words. */
function severityOf(value: unknown): number {
  if (typeof value === 'number') return value >= 0 && value <= 4 ? Math.trunc(value) + 1 : 0
  if (typeof value !== 'string') return value === undefined ? 1 : 0
  return ownEntry(WORDS, value.slice(0, 64).toLowerCase().replace('severity_', '')) ?? 0
}

function tacticOf(category: string | undefined): string | undefined {
  return category === undefined ? undefined : `mitre_${category.slice(0, 64).toLowerCase().replace(/[- ]/g, '_')}`
}

/** `Defense Evasion: Masquerading (T1036)`, as older rules wrote it. */
function techniqueIn(value: string | undefined): string | undefined {
  return /\b(T\d{4}(?:\.\d{3})?)\b/.exec(value?.slice(0, 256) ?? '')?.[1]
}

/** The Detection Finding of a signature. */
export function findingOf(
  threat: Threat,
  event_name: string,
  args: Fields,
  context: Context,
  base: Base,
  time: number | undefined,
): EventDraft {
  const { process, container, workload } = context
  const title = threat.title ?? event_name
  const identity = [threat.uid ?? title, workload?.uid, process.pid, process.tid, time].join('\n')
  const uid = eventUid(time ?? 0, hash('sha256', identity, 'hex'))
  const attacks = attacksOf(threat.techniques)
  const [attack] = attacks
  const named = attack?.sub_technique ?? attack?.technique
  if (named !== undefined && threat.technique !== undefined) Object.assign(named, { name: threat.technique })
  const path = args.any('pathname') ?? args.any('file_path')
  if (typeof path !== 'string') {
    args.keep('pathname')
    args.keep('file_path')
  }
  const connection = networkDraft(event_name, args, process, base)
  const evidence = defined({
    process,
    container,
    file: typeof path === 'string' && path !== '' ? fileOf(path) : undefined,
    src_endpoint: connection?.src_endpoint as JsonRecord | undefined,
    dst_endpoint: connection?.dst_endpoint as JsonRecord | undefined,
    connection_info: connection?.connection_info as JsonRecord | undefined,
  })
  const { status_id: _, status_code: __, ...rest } = base
  return {
    ...rest,
    class_uid: CLASS.detection_finding,
    activity_id: 1,
    status_id: 1,
    is_alert: true,
    severity_id: threat.severity_id,
    message: threat.desc === undefined ? title : `${title}: ${threat.desc}`.slice(0, 1024),
    finding_info: defined({
      uid,
      title,
      desc: threat.desc,
      created_time: time,
      analytic: defined({ uid: threat.uid, name: title, type_id: 1, category: threat.category }),
      attacks: attacks.length === 0 ? undefined : attacks,
      data_sources: ['tracee'],
    }),
    actor: { process },
    evidences: [evidence],
    metadata: threat.tags.length === 0 ? rest.metadata : { ...rest.metadata, labels: [...threat.tags] },
  } as EventDraft
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').slice(0, 64) : []
}
