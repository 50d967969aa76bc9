import { WeirError } from '../core/errors.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import type { Action } from './contract.js'
import type { Circumstances, WorkloadFinding } from './decision.js'
import { isCurrent, OPEN } from './lifetime.js'
import { wholeParams } from './params.js'
import type { Playbook } from './playbook.js'
import type { ResponseRecord, ResponseState } from './record.js'
import type { ResponderConfig } from './responder-config.js'

/** A response as this process knows it. */
export type Live = {
  record: ResponseRecord
  readonly playbook: Playbook
  readonly action: Action
  findings: OcsfEvent[]
  /** The newest step that was seen in the log, and who wrote it. */
  seen: { readonly step: number; readonly writer: string | undefined }
}

type Incident = { readonly finding: WorkloadFinding; readonly event: OcsfEvent; is_handled: boolean }

/** A response that somebody has decided to carry out. */
export type Promised = {
  readonly uid: string
  readonly playbook: string
  readonly group: string
  readonly workload: string
  readonly takes_down: boolean
  readonly time: number
}

/** What a response is about; while one is open, no other is about the same. */
export type Place = Pick<ResponseRecord, 'playbook' | 'action' | 'nth' | 'workload'>

/** States in which a reversible action keeps its workload down, or is about to. */
const DOWN: ReadonlySet<ResponseState> = new Set(['planned', 'executing', 'verified', 'undoing'])
/** Until then everybody has heard of a response on the bus. */
const PROMISED_MS = 60_000
const MAX_FINDINGS = 100
const MAX_RESPONSES = 20_000
/** Workloads whose findings are remembered: those that were heard of last. */
const MAX_WORKLOADS = 10_000
const HOUR_MS = 3_600_000

export type Book = ReturnType<typeof createBook>

/** What one responder knows of findings and responses, its own and those of others. Pure state: it decides nothing. */
export function createBook(config: ResponderConfig) {
  const live = new Map<string, Live>()
  const incidents = new Map<string, Incident[]>()
  const acted = new Map<string, Map<string, number>>()
  const playbooks = new Map(config.playbooks.map((playbook) => [playbook.name, playbook]))

  function eventsOf(record: ResponseRecord): OcsfEvent[] {
    const known = incidents.get(record.workload.uid) ?? []
    return record.finding_uids.flatMap((uid) => known.find(({ finding }) => finding.uid === uid)?.event ?? [])
  }

  function open(record: ResponseRecord, playbook: Playbook): Live {
    const entry = opened(record, playbook)
    if (entry) return entry
    throw new WeirError('config_invalid', `playbook ${playbook.name}: action ${record.action} cannot take its params`)
  }

  /** Undefined if the action does not take what was recorded: it was another version, or somebody else who wrote it. */
  function opened(record: ResponseRecord, playbook: Playbook): Live | undefined {
    const definition = config.actions.find(record.action)
    const recorded = (record.params ?? {}) as { readonly [field: string]: unknown }
    const params = definition.config.safeParse(
      wholeParams(definition, recorded, playbook, record.nth ?? 0, config.action_params),
    )
    if (!params.success) {
      const fields = params.error.issues.map(({ path, message }) => `${path.join('.') || '(params)'}: ${message}`)
      config.log.error({ response: record.uid, action: record.action, fields }, 'a response cannot be carried on')
      return undefined
    }
    const action = definition.create(params.data, { log: config.log })
    const entry: Live = { record, playbook, action, findings: eventsOf(record), seen: { step: -1, writer: undefined } }
    live.set(record.uid, entry)
    if (live.size > MAX_RESPONSES) forgetOne()
    return entry
  }

  /** The oldest that is over, else the oldest that nothing was done about: it is in the lake, and known again after a restart. */
  function forgetOne() {
    const isOver = ({ state }: ResponseRecord) => !OPEN.has(state)
    const isIdle = ({ state, dry_run }: ResponseRecord) =>
      dry_run || state === 'proposed' || state === 'waiting_approval'
    for (const mayGo of [isOver, isIdle]) {
      for (const [uid, { record }] of live) {
        if (!mayGo(record)) continue
        live.delete(uid)
        if (OPEN.has(record.state)) config.metrics.count('responses_forgotten', { state: record.state })
        return
      }
    }
  }

  /** The newer of what is known and what is told; undefined if its playbook or action is not configured here. */
  function note(record: ResponseRecord): Live | undefined {
    const playbook = playbooks.get(record.playbook)
    if (!playbook || !config.actions.all.some(({ name }) => name === record.action)) return undefined
    if (record.state === 'planned') {
      const times = acted.get(record.playbook) ?? new Map<string, number>()
      acted.set(record.playbook, times.set(record.uid, record.time))
    }
    const entry = live.get(record.uid) ?? opened(record, playbook)
    if (!entry) return undefined
    if (record.step > entry.record.step) {
      entry.record = record
      const events = eventsOf(record)
      if (events.length > entry.findings.length) entry.findings = events
    }
    return entry
  }

  /** Whether its workload is down because of it, or may be: what failed half way has its effect until it was seen to be undone. */
  function takesDown({ state, dry_run, action, plan, workload, time }: ResponseRecord): boolean {
    if (dry_run || !config.actions.find(action).reversible) return false
    if (state !== 'failed') return DOWN.has(state)
    const isUndone = ({ record: other }: Live) =>
      other.state === 'undone' && other.time > time && other.action === action && other.workload.uid === workload.uid
    return plan !== undefined && ![...live.values()].some(isUndone)
  }

  return {
    open,
    note,
    find: (uid: string) => live.get(uid),
    all: () => [...live.values()],
    /** A step as it stands in the log: of two with the same number the first one counts, whatever was believed here. */
    see(record: ResponseRecord) {
      const entry = note(record)
      if (!entry || record.step <= entry.seen.step) return
      entry.seen = { step: record.step, writer: record.writer }
      if (record.step === entry.record.step && record.writer !== entry.record.writer) entry.record = record
    },
    /** False if the finding was known. */
    remember(event: OcsfEvent, finding: WorkloadFinding, is_handled: boolean): boolean {
      const list = incidents.get(finding.workload.uid) ?? []
      if (list.some((known) => known.finding.uid === finding.uid)) return false
      list.push({ finding, event, is_handled })
      // To the end of the order.
      incidents.delete(finding.workload.uid)
      incidents.set(finding.workload.uid, list.slice(-MAX_FINDINGS))
      const [longest_ago] = incidents.keys()
      if (incidents.size > MAX_WORKLOADS && longest_ago !== undefined) incidents.delete(longest_ago)
      return true
    },
    incident: ({ workload, uid }: WorkloadFinding) =>
      incidents.get(workload.uid)?.find((known) => known.finding.uid === uid),
    findingsAbout: (workload_uid: string) => (incidents.get(workload_uid) ?? []).map(({ finding }) => finding),
    /** Puts down all that a decision about this response rests on: findings that come again have had their answer. */
    gather(entry: Live) {
      const list = incidents.get(entry.record.workload.uid) ?? []
      const newest = Math.max(...list.map(({ finding }) => finding.time))
      const uids = new Set(entry.record.finding_uids)
      const recent = list.filter(
        ({ finding }) => !uids.has(finding.uid) && newest - finding.time <= entry.playbook.verify.window_ms,
      )
      if (recent.length === 0) return
      entry.findings = [...entry.findings, ...recent.map(({ event }) => event)].slice(-MAX_FINDINGS)
      const added = recent.map(({ finding }) => finding.uid)
      entry.record = { ...entry.record, finding_uids: [...uids, ...added].slice(-MAX_FINDINGS) }
    },
    /**
     * The response that this finding belongs to: the one it led to, even if that is over by now (somebody else may have
     * answered it), else the one that is still going on about the workload.
     */
    responseTo({ playbook, action, nth, workload }: Place, { uid }: WorkloadFinding): Live | undefined {
      const definition = config.actions.find(action)
      const about = [...live.values()].filter(
        ({ record }) =>
          record.workload.uid === workload.uid &&
          record.playbook === playbook &&
          record.action === action &&
          record.nth === nth,
      )
      return (
        about.find(({ record }) => record.finding_uids.includes(uid)) ??
        about.find(({ record }) => isCurrent(record, definition, config.now()))
      )
    },
    /** `promised` are responses that other processes have just decided to carry out and that may not be known here yet. */
    circumstances({ record }: Live, promised: readonly Promised[], approved_by?: string): Circumstances {
      const now = config.now()
      const { workload } = record
      const down = new Set(
        [...live.values()].flatMap(({ record: other }) =>
          other.workload.group === workload.group && takesDown(other) ? other.workload.uid : [],
        ),
      )
      const times = acted.get(record.playbook) ?? new Map<string, number>()
      for (const [uid, time] of times) if (now - time >= HOUR_MS) times.delete(uid)
      const answered = new Set(times.keys())
      for (const other of promised) {
        if (other.playbook === record.playbook && now - other.time < HOUR_MS) answered.add(other.uid)
        if (other.group !== workload.group || !other.takes_down || now - other.time > PROMISED_MS) continue
        const known = live.get(other.uid)?.record.state
        if (known === undefined || known === 'proposed' || known === 'waiting_approval') down.add(other.workload)
      }
      answered.delete(record.uid)
      down.delete(workload.uid)
      return {
        now,
        coverage: config.coverage(workload),
        acted_last_hour: answered.size,
        peers: { total: Math.max(1, config.peers(workload.group)), down: down.size },
        ...(approved_by === undefined ? {} : { approved_by }),
      }
    },
    /** What others have to know until they hear of this response from the bus. */
    promise(record: ResponseRecord, before: readonly Promised[]): Promised[] {
      const { uid, playbook, action, workload, dry_run } = record
      const time = config.now()
      const takes_down = !dry_run && config.actions.find(action).reversible
      const kept = before.filter((other) => other.uid !== uid && time - other.time < PROMISED_MS)
      return [...kept, { uid, playbook, group: workload.group, workload: workload.uid, takes_down, time }]
    },
  }
}

/** The finding in the event if it is about a workload; others are for people. */
export function workloadFinding(event: OcsfEvent): WorkloadFinding | undefined {
  const finding = findingOf(event)
  return finding?.workload ? { ...finding, workload: finding.workload } : undefined
}
