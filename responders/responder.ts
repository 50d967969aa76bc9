import { createHash } from 'node:crypto'
import type { Registry } from '../core/define.js'
import { messageOf, WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { Json, OcsfEvent, Workload } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import type { Action, ActionContext, ActionDefinition } from './contract.js'
import { type Circumstances, decide, matches, type WorkloadFinding } from './decision.js'
import type { Job, Jobs } from './jobs/port.js'
import { isCurrent, newestSteps, OPEN } from './lifetime.js'
import type { Playbook } from './playbook.js'
import { type ResponseRecord, type ResponseState, responseEvent } from './record.js'
import { timeLimit } from './time-limit.js'

export type ResponderConfig = {
  playbooks: readonly Playbook[]
  actions: Registry<ActionDefinition>
  /** Default params by action name; a playbook's own win. */
  action_params: { readonly [action: string]: { readonly [field: string]: unknown } | undefined }
  mode: 'dry_run' | 'enforce'
  jobs: Jobs
  /** Resolves when the steps are durable. Nothing is done before that. */
  publish: (steps: readonly OcsfEvent[]) => Promise<void>
  coverage: (workload: Workload) => Circumstances['coverage']
  /** Workloads of this group that are known. */
  peers: (group: string) => number
  /** Connections of the workload that the telemetry saw opened after `since`, ms since 1970. */
  traffic?: (workload: Workload, since: number) => Promise<number>
  /** How long the telemetry is watched after a reversible action before its effect counts as verified, ms. */
  effect_window_ms: number
  /** How long one call of an action may take, ms. */
  timeout_ms: number
  now: () => number
  log: Log
  metrics: Metrics
}

export type Responder = {
  /**
   * Continues what the recorded steps (any order) say is unfinished. `findings` are those of before, oldest first: what
   * one family found before a restart still counts when another one agrees.
   */
  start(recorded: readonly OcsfEvent[], findings?: readonly OcsfEvent[]): Promise<void>
  /** Resolves when what follows from the findings is planned and recorded; execution goes on in jobs. */
  handle(findings: readonly OcsfEvent[]): Promise<void>
  approve(response_uid: string, by: string): Promise<void>
  reject(response_uid: string, by: string): Promise<void>
  /** Takes a verified response back now. Throws `not_found` or `conflict`. */
  undo(response_uid: string, by: string): Promise<void>
  /** A person says that the finding was wrong: what it led to is taken back. */
  falsePositive(finding_uid: string, by: string): Promise<void>
  state(): ResponseRecord[]
  settle(): Promise<void>
  stop(): Promise<void>
}

type Live = { record: ResponseRecord; playbook: Playbook; findings: OcsfEvent[]; action: Action; queue: Promise<void> }

const MAX_FINDINGS = 100
const HOUR_MS = 3_600_000

/** Turns findings into recorded, verified, guarded and reversible responses (design.md section 7). */
export function createResponder(config: ResponderConfig): Responder {
  const live = new Map<string, Live>()
  const incidents = new Map<string, { finding: WorkloadFinding; event: OcsfEvent }[]>()
  const acted = new Map<string, number[]>()
  const playbooks = new Map(config.playbooks.map((playbook) => [playbook.name, playbook]))
  checkActions(config)

  async function step(
    entry: Live,
    state: ResponseState,
    reasons: readonly string[],
    more: Partial<ResponseRecord> = {},
  ) {
    const record: ResponseRecord = {
      ...entry.record,
      ...more,
      state,
      reasons,
      step: entry.record.step + 1,
      time: config.now(),
    }
    await config.publish([responseEvent(record)])
    entry.record = record
    config.metrics.count('response_steps', { state, action: record.action })
  }

  function circumstances(entry: Live, approved_by?: string): Circumstances {
    const now = config.now()
    const { workload, playbook } = entry.record
    const down = [...live.values()].filter(
      ({ record }) =>
        record.workload.group === workload.group &&
        record.workload.uid !== workload.uid &&
        (record.state === 'executing' || record.state === 'verified') &&
        config.actions.find(record.action).reversible,
    ).length
    return {
      now,
      coverage: config.coverage(workload),
      acted_last_hour: (acted.get(playbook) ?? []).filter((time) => now - time < HOUR_MS).length,
      peers: { total: Math.max(1, config.peers(workload.group)), down },
      ...(approved_by === undefined ? {} : { approved_by }),
    }
  }

  const contextOf = (entry: Live): ActionContext => ({
    response_uid: entry.record.uid,
    workload: entry.record.workload,
    findings: entry.findings,
    playbook: entry.record.playbook,
  })

  const within = <T>(what: string, work: Promise<T>) => timeLimit(work, config.timeout_ms, what)

  async function consider(entry: Live, approved_by?: string) {
    const all = incidents.get(entry.record.workload.uid)?.map(({ finding }) => finding) ?? []
    const known = all.length > 0 ? all : entry.findings.flatMap((event) => workloadFinding(event) ?? [])
    const decision = decide(entry.playbook, known, circumstances(entry, approved_by))
    const by = approved_by === undefined ? {} : { by: approved_by }
    if (decision.verdict === 'act') return plan(entry, decision.reasons, by)
    const state = decision.verdict === 'ask' ? 'waiting_approval' : 'proposed'
    if (entry.record.step < 0 || entry.record.state !== state) await step(entry, state, decision.reasons, by)
  }

  async function plan(entry: Live, reasons: readonly string[], more: Partial<ResponseRecord>) {
    let made: ResponseRecord['plan']
    try {
      made = await within(`planning ${entry.record.action}`, entry.action.plan(contextOf(entry)))
    } catch (error) {
      return step(entry, 'failed', [`It could not be planned: ${messageOf(error)}`], more)
    }
    const times = acted.get(entry.playbook.name) ?? []
    times.push(config.now())
    acted.set(entry.playbook.name, times.slice(-1_000))
    await step(entry, 'planned', reasons, { ...more, plan: made })
    if (!entry.record.dry_run) await enqueue(entry, 'execute')
  }

  function enqueue(entry: Live, kind: Job['kind'], delay_ms = 0) {
    const { uid } = entry.record
    return config.jobs.add(
      { id: `${uid}-${kind}`, kind, response_uid: uid, action: entry.record.action, payload: {} },
      { delay_ms, attempts: 5, backoff_ms: 1_000 },
    )
  }

  async function execute(entry: Live) {
    const { plan: made } = entry.record
    if (!made || (entry.record.state !== 'planned' && entry.record.state !== 'executing')) return
    const context = contextOf(entry)
    // After a crash between doing and recording, the platform is asked before anything is done again.
    const before =
      entry.record.state === 'executing'
        ? await within('verifying', entry.action.verify(context, made))
        : { ok: false, evidence: '' }
    if (entry.record.state === 'planned') await step(entry, 'executing', entry.record.reasons)
    if (!before.ok) await within(`executing ${entry.record.action}`, entry.action.execute(context, made))
    const executed = config.now()
    const after = await within('verifying', entry.action.verify(context, made))
    const quiet = after.ok ? await stillTalking(entry, executed) : undefined
    if (!after.ok || quiet) {
      await step(entry, 'failed', [`The effect was not there: ${quiet ?? after.evidence}`, 'It is taken back.'])
      if (entry.action.undo) await takeBack(entry)
      return
    }
    const undo_after_ms = entry.action.undo ? entry.playbook.undo_after_ms : null
    const more = undo_after_ms === null ? {} : { undo_time: config.now() + undo_after_ms }
    await step(entry, 'verified', [after.evidence], more)
    if (undo_after_ms !== null) await enqueue(entry, 'undo', undo_after_ms)
  }

  async function stillTalking(entry: Live, since: number): Promise<string | undefined> {
    if (!config.actions.find(entry.record.action).stops_traffic || !config.traffic) return undefined
    await new Promise((resolve) => setTimeout(resolve, config.effect_window_ms))
    const count = await config.traffic(entry.record.workload, since)
    return count > 0 ? `the telemetry saw ${count} new connections after it.` : undefined
  }

  async function takeBack(entry: Live) {
    const { plan: made } = entry.record
    if (!made || !entry.action.undo) return
    const context = contextOf(entry)
    if (entry.record.state !== 'undoing') await step(entry, 'undoing', entry.record.reasons)
    await within(`undoing ${entry.record.action}`, entry.action.undo(context, made))
    const back = await within(
      'verifying',
      entry.action.verify_undo?.(context, made) ?? Promise.resolve({ ok: true, evidence: 'Taken back.' }),
    )
    await step(entry, back.ok ? 'undone' : 'failed', [back.evidence])
  }

  /** One thing at a time for each response. */
  function inTurn(entry: Live, work: () => Promise<void>): Promise<void> {
    const turn = entry.queue.then(work)
    entry.queue = turn.catch(() => {})
    return turn
  }

  async function runJob(job: Job) {
    const entry = live.get(job.response_uid)
    if (!entry) return
    await inTurn(entry, async () => {
      if (job.kind === 'execute') await execute(entry)
      else if (entry.record.state === 'verified' || entry.record.state === 'undoing') await takeBack(entry)
    })
  }

  async function jobFailed(job: Job, error: unknown) {
    config.log.error({ job, error }, 'response failed')
    const entry = live.get(job.response_uid)
    if (entry && OPEN.has(entry.record.state)) await step(entry, 'failed', [`${job.kind} failed: ${messageOf(error)}`])
  }

  function open(record: ResponseRecord, playbook: Playbook, findings: OcsfEvent[]): Live {
    const definition = config.actions.find(record.action)
    const action = definition.create(definition.config.parse(record.params), { log: config.log })
    const entry: Live = { record, playbook, findings, action, queue: Promise.resolve() }
    live.set(record.uid, entry)
    return entry
  }

  async function respond(playbook: Playbook, finding: WorkloadFinding, event: OcsfEvent) {
    for (const [index, { action, params }] of playbook.actions.entries()) {
      const definition = config.actions.find(action)
      if (!definition.targets.includes(finding.workload.kind)) continue
      const current = [...live.values()].find(
        ({ record }) =>
          record.playbook === playbook.name &&
          record.action === action &&
          record.workload.uid === finding.workload.uid &&
          isCurrent(record, definition, config.now()),
      )
      const entry = current ?? open(draft(playbook, index, action, params, finding), playbook, [])
      await join(entry, event)
    }
  }

  /** The finding is one of those that led to this response; a proposal may have waited for it. */
  function join(entry: Live, event: OcsfEvent): Promise<void> {
    return inTurn(entry, async () => {
      entry.findings = [...entry.findings, event].slice(-MAX_FINDINGS)
      entry.record = { ...entry.record, finding_uids: entry.findings.map((f) => findingOf(f)?.uid ?? '') }
      if (entry.record.step < 0 || entry.record.state === 'proposed') await consider(entry)
    })
  }

  function draft(
    playbook: Playbook,
    index: number,
    action: string,
    params: object,
    finding: WorkloadFinding,
  ): ResponseRecord {
    const time = config.now()
    return {
      uid: responseUid(playbook.name, index, action, finding),
      step: -1,
      time,
      created_time: time,
      state: 'proposed',
      playbook: playbook.name,
      action,
      params: { ...config.action_params[action], ...params } as Json,
      workload: finding.workload,
      finding_uids: [],
      dry_run: config.mode === 'dry_run',
      reasons: [],
    }
  }

  function find(uid: string): Live {
    const entry = live.get(uid)
    if (entry) return entry
    throw new WeirError('not_found', `there is no response ${uid}`)
  }

  function remember(event: OcsfEvent, finding: WorkloadFinding) {
    const list = incidents.get(finding.workload.uid) ?? []
    if (list.some((known) => known.finding.uid === finding.uid)) return false
    list.push({ finding, event })
    incidents.set(finding.workload.uid, list.slice(-MAX_FINDINGS))
    return true
  }

  return {
    async start(recorded, findings = []) {
      const byUid = new Map<string, OcsfEvent>()
      for (const event of findings) {
        const finding = workloadFinding(event)
        if (finding && remember(event, finding)) byUid.set(finding.uid, event)
      }
      for (const record of newestSteps(recorded)) {
        const playbook = playbooks.get(record.playbook)
        if (!playbook || live.has(record.uid)) continue
        const events = record.finding_uids.flatMap((uid) => byUid.get(uid) ?? [])
        const entry = open(record, playbook, events)
        if (record.dry_run) continue
        if (record.state === 'planned' || record.state === 'executing') await enqueue(entry, 'execute')
        if (record.state === 'undoing') await enqueue(entry, 'undo')
        if (record.state === 'verified' && record.undo_time !== undefined) {
          await enqueue(entry, 'undo', Math.max(0, record.undo_time - config.now()))
        }
      }
      await config.jobs.process(runJob, jobFailed)
    },
    async handle(events) {
      for (const event of events) {
        const finding = workloadFinding(event)
        if (!finding || !remember(event, finding)) continue
        for (const playbook of config.playbooks) {
          if (matches(playbook, finding)) await respond(playbook, finding, event)
        }
        // What starts no playbook may still be the other family that a proposal about this workload was waiting for.
        for (const entry of [...live.values()]) {
          if (entry.record.workload.uid !== finding.workload.uid || entry.record.state !== 'proposed') continue
          if (!entry.findings.includes(event)) await join(entry, event)
        }
      }
    },
    async approve(uid, by) {
      const entry = find(uid)
      if (entry.record.state !== 'proposed' && entry.record.state !== 'waiting_approval') {
        throw new WeirError('conflict', `response ${uid} is ${entry.record.state}, only a proposal can be approved`)
      }
      await inTurn(entry, () => consider(entry, by))
    },
    async reject(uid, by) {
      const entry = find(uid)
      if (entry.record.state !== 'proposed' && entry.record.state !== 'waiting_approval') {
        throw new WeirError('conflict', `response ${uid} is ${entry.record.state}, only a proposal can be rejected`)
      }
      await inTurn(entry, () => step(entry, 'rejected', [`Rejected by ${by}.`], { by }))
    },
    async undo(uid, by) {
      const entry = find(uid)
      if (entry.record.state !== 'verified' || !entry.action.undo) {
        throw new WeirError(
          'conflict',
          `response ${uid} is ${entry.record.state}, only a verified, reversible one can be undone`,
        )
      }
      await inTurn(entry, async () => {
        await step(entry, 'undoing', [`Asked for by ${by}.`], { by })
        await takeBack(entry)
      })
    },
    async falsePositive(finding_uid, by) {
      for (const entry of [...live.values()]) {
        const { record } = entry
        if (!record.finding_uids.includes(finding_uid)) continue
        const reason = `Finding ${finding_uid} was a false positive, says ${by}.`
        await inTurn(entry, async () => {
          if (record.state === 'proposed' || record.state === 'waiting_approval')
            await step(entry, 'rejected', [reason], { by })
          if (entry.record.state !== 'verified' || !entry.action.undo) return
          await step(entry, 'undoing', [reason], { by })
          await takeBack(entry)
        })
      }
    },
    state: () => [...live.values()].map(({ record }) => record),
    async settle() {
      await config.jobs.settle()
      await Promise.all([...live.values()].map(({ queue }) => queue))
    },
    async stop() {
      await config.jobs.stop()
      await Promise.all([...live.values()].map(({ queue }) => queue))
    },
  }
}

/** The finding in the event if it is about a workload; others are for people. */
function workloadFinding(event: OcsfEvent): WorkloadFinding | undefined {
  const finding = findingOf(event)
  return finding?.workload ? { ...finding, workload: finding.workload } : undefined
}

function responseUid(playbook: string, index: number, action: string, finding: WorkloadFinding): string {
  const hash = createHash('sha256').update(JSON.stringify([playbook, index, action, finding.workload.uid, finding.uid]))
  return `rsp-${hash.digest('hex').slice(0, 24)}`
}

function checkActions(config: ResponderConfig) {
  for (const playbook of config.playbooks) {
    for (const { action, params } of playbook.actions) {
      const definition = config.actions.find(action)
      const result = definition.config.safeParse({ ...config.action_params[action], ...params })
      if (result.success) continue
      const issues = result.error.issues.map((issue) => `${issue.path.join('.') || '(params)'}: ${issue.message}`)
      throw new WeirError('config_invalid', `playbook ${playbook.name}, action ${action}: ${issues.join('; ')}`)
    }
  }
}
