import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Workload } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { defineFormat, type FormatContext } from '../contract.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { machineOf } from './machine.js'
import { attacksOf } from './mitre.js'
import { profilesOf } from './profiles.js'
import { isEventTime, parseTime } from './time.js'
import { evidenceOf } from './wazuh/evidence.js'
import { integrationOf, integrationOutcome } from './wazuh/integration.js'
import { wazuhMapping } from './wazuh/mapping.js'
import { compliancePart, vulnerabilityPart } from './wazuh/posture.js'

/** Alerts of Wazuh as `alerts.json`, its indexer and its webhooks hold them; archived events that no rule matched too. */
export const wazuh = defineFormat({
  name: 'wazuh',
  summary: 'Alerts of Wazuh (alerts.json, archives.json, indexer): detection, vulnerability and compliance findings',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: wazuhMapping,
  detect(record) {
    if (isObject(record) && integrationOf(record)) return 0.9
    const alert = alertOf(record)
    if (!alert || !isObject(alert.agent) || typeof alert.timestamp !== 'string') return 0
    if (isObject(alert.rule) && 'level' in alert.rule) return 0.96
    return isObject(alert.manager) || isObject(alert.decoder) ? 0.9 : 0
  },
  create: () => (record, context) => normalise(record, context),
})

/** The alert itself: the indexer wraps it. */
function alertOf(record: unknown): JsonRecord | undefined {
  if (!isObject(record)) return undefined
  return isObject(record._source) ? record._source : record
}

function normalise(record: unknown, context: FormatContext): Outcome<EventDraft[]> {
  const alert = alertOf(record)
  if (!alert) return reject('not_wazuh', `expected an object with rule and agent, found ${kindOf(record)}`)
  const fetched = integrationOf(alert)
  if (fetched && alert.rule === undefined) return integrationOutcome(fetched.name, fetched.inner, context)
  const fields = new Fields(alert, '')
  const original_time = fields.text('timestamp') ?? fields.text('@timestamp')
  const rule = fields.object('rule')
  const agent = fields.object('agent')
  if (!agent || (!rule && !isObject(alert.decoder))) {
    return reject('not_wazuh', fields.lacks(agent ? 'rule' : 'agent', 'an object'))
  }
  const time = original_time === undefined ? undefined : parseTime(original_time)
  if (original_time !== undefined && (time === undefined || !isEventTime(time))) {
    return reject('bad_time', `timestamp: expected a date from 1970 to 2200, found ${kindOf(original_time)}`)
  }
  const draft = draftOf({ fields, rule, agent, original_time, time, alert }, context)
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

type Parts = {
  fields: Fields
  rule: Fields | undefined
  agent: Fields
  original_time: string | undefined
  time: number | undefined
  alert: JsonRecord
}

/** Levels 0 to 16 as Wazuh groups them: low up to 6, medium up to 11, high up to 14, then critical. */
function severityOf(level: number): number {
  if (level <= 3) return 1
  if (level <= 6) return 2
  if (level <= 11) return 3
  return level <= 14 ? 4 : 5
}

/** Sources that tell about an account, not about the machine of the agent that fetched them. */
const CLOUD = /^(aws|gcp|azure|office365|github|ms-graph)/

function draftOf({ fields, rule, agent, original_time, time }: Parts, context: FormatContext): EventDraft {
  const level = rule?.number('level') ?? 0
  const title = rule?.text('description') ?? 'Archived event'
  const rule_uid = rule?.text('id')
  const groups = textsOf(rule, 'groups')
  const id = fields.text('id')
  const full_log = fields.text('full_log')
  const location = fields.text('location')
  const decoder = fields.object('decoder')
  const decoder_name = decoder?.text('name')
  const predecoder = fields.object('predecoder')
  const manager = fields.object('manager')?.text('name')
  const data = fields.object('data')
  const agent_id = agent.text('id')
  const agent_name = agent.text('name')
  const machine = machineOf(
    {
      // The manager also takes syslog of machines without an agent.
      hostname: agent_id === '000' ? (predecoder?.text('hostname') ?? agent_name) : agent_name,
      ip: agent.text('ip'),
    },
    context,
  )
  const device = {
    ...machine.device,
    agent_list: [
      defined({ name: 'Wazuh', uid: agent_id, type_id: 1, vendor_name: 'Wazuh', version: agent.text('version') }),
    ],
  }
  const program = predecoder?.text('program_name')
  const evidence = evidenceOf(fields, data, program)
  const integration = data?.text('integration')
  const container = containerOf(evidence)
  const finding_info: JsonRecord = defined({
    uid: id ?? `${rule_uid ?? 'archive'}:${original_time ?? ''}:${agent_id ?? ''}`,
    title,
    desc: full_log === undefined ? undefined : full_log.slice(0, 16_384),
    created_time: time,
    types: groups.length === 0 ? undefined : groups,
    analytic: { name: title, uid: rule_uid, type_id: 1, category: decoder_name },
    data_sources: [location, decoder_name].filter((name) => name !== undefined),
    attacks: attacksOfRule(rule),
    tags: complianceTags(rule),
    related_events_count: firedTimes(rule),
  })
  finding_info.analytic = defined(finding_info.analytic as JsonRecord)
  const part = vulnerabilityPart(data, finding_info) ??
    compliancePart(data, finding_info) ?? {
      class_uid: CLASS.detection_finding,
      activity_id: 1,
      is_alert: rule !== undefined && level > 0,
      finding_info,
    }
  const { class_uid, activity_id, ...rest } = part
  const draft: EventDraft = {
    class_uid,
    activity_id,
    severity_id: severityOf(level),
    status_id: 1,
    ...rest,
    message: title,
  }
  if (time !== undefined) draft.time = time
  if (evidence && class_uid === CLASS.detection_finding) {
    draft.evidences = [evidence]
    if (evidence.actor) draft.actor = evidence.actor
  }
  const isCloud = integration !== undefined && CLOUD.test(integration)
  if (!isCloud) draft.device = container === undefined ? device : { ...device, container: evidence?.container }
  const workload: Workload | undefined = container ?? machine.workload
  if (workload && !isCloud) draft.workload = workload
  draft.metadata = defined({
    product: defined({
      name: 'Wazuh',
      vendor_name: 'Wazuh',
      feature: decoder_name === undefined ? undefined : { name: decoder_name },
    }),
    log_name: location,
    log_provider: program,
    event_code: rule_uid,
    original_event_uid: id,
    original_time,
    labels: groups.length === 0 ? undefined : groups,
    reporter: manager === undefined ? undefined : { hostname: manager },
    profiles: profilesOf(class_uid, draft),
  })
  return draft
}

/** How often the rule matched lately. */
function firedTimes(rule: Fields | undefined): number | undefined {
  const times = rule?.number('firedtimes')
  return times !== undefined && Number.isInteger(times) && times >= 0 && times <= 2_147_483_647 ? times : undefined
}

/** A list of texts, or one text alone. */
function textsOf(fields: Fields | undefined, key: string): string[] {
  const value = fields?.any(key)
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
}

function attacksOfRule(rule: Fields | undefined): unknown[] | undefined {
  const mitre = rule?.object('mitre')
  const tactics = textsOf(mitre, 'tactic').map(
    (name) => `mitre_${name.slice(0, 64).toLowerCase().replaceAll(' ', '_')}`,
  )
  const attacks = attacksOf([...textsOf(mitre, 'id'), ...tactics])
  const [technique] = textsOf(mitre, 'technique')
  const [first] = attacks
  // With one technique its name is known.
  if (attacks.length === 1 && technique !== undefined && first?.technique) {
    const named = first.sub_technique ?? first.technique
    Object.assign(named, { name: technique })
  }
  return attacks.length === 0 ? undefined : attacks
}

const STANDARDS = ['pci_dss', 'gdpr', 'hipaa', 'nist_800_53', 'gpg13', 'tsc', 'cis', 'cis_csc_v8', 'soc_2']

function complianceTags(rule: Fields | undefined): JsonRecord[] | undefined {
  const tags = STANDARDS.flatMap((name) => {
    const values = textsOf(rule, name)
    return values.length === 0 ? [] : [{ name, values }]
  })
  return tags.length === 0 ? undefined : tags
}

function containerOf(evidence: JsonRecord | undefined): Workload | undefined {
  const container = evidence?.container
  if (!isObject(container) || typeof container.uid !== 'string') return undefined
  const name = typeof container.name === 'string' ? container.name : container.uid
  const image = isObject(container.image) && typeof container.image.name === 'string' ? container.image.name : undefined
  return containerWorkload(container.uid, name, image === undefined ? {} : { image })
}
