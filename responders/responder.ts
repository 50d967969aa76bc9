import { createHash } from 'node:crypto'
import { WeirError } from '../core/errors.js'
import type { Json, OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import { createBook, type Live, type Place, workloadFinding } from './book.js'
import { createCarryOut } from './carry-out.js'
import { matches, type WorkloadFinding } from './decision.js'
import type { Job, Turn } from './jobs/port.js'
import { nextJob } from './lifetime.js'
import { recordedParams } from './params.js'
import { checkActions, type Playbook } from './playbook.js'
import { type ResponseRecord, responseOf } from './record.js'
import type { ResponderConfig } from './responder-config.js'
import { createSteps } from './steps.js'

/** Turns findings into recorded, verified, guarded and reversible responses (design.md section 7). */
export type Responder = {
  /**
   * Continues what the recorded steps (any order) say is unfinished. `findings` are those of before, oldest first: what
   * one family found before a restart still counts when another one agrees.
   */
  start(recorded: readonly OcsfEvent[], findings?: readonly OcsfEvent[]): Promise<void>
  /** Resolves when what follows from the findings is planned and recorded; execution goes on in jobs. */
  handle(findings: readonly OcsfEvent[]): Promise<void>
  /** Findings and steps of all responders, this one's among them, in the order of the log. Returns at once. */
  observe(events: readonly OcsfEvent[]): void
  approve(response_uid: string, by: string, reason?: string): Promise<void>
  reject(response_uid: string, by: string, reason?: string): Promise<void>
  /** Takes a response back that was verified, or failed after it was planned: recorded when it resolves, done in a job. Throws `not_found` or `conflict`. */
  undo(response_uid: string, by: string, reason?: string): Promise<void>
  /** A person says that the finding was wrong: what it led to is taken back. */
  falsePositive(finding_uid: string, by: string): Promise<void>
  state(): ResponseRecord[]
  settle(): Promise<void>
  stop(): Promise<void>
}

/** What a job carries, so that a process that never heard of the response can do it. */
type Payload = { readonly record: ResponseRecord; readonly findings: readonly OcsfEvent[] }

const MAX_FINDINGS = 100
const MAX_FINDINGS_IN_JOB = 20
const LOOK_AFTER_MS = 30_000

/** A responder of this process; with shared jobs it is one of several. */
export function createResponder(config: ResponderConfig): Responder {
  checkActions(config)
  const book = createBook(config)
  const step = createSteps(config, book)
  const { consider, runJob, jobFailed } = createCarryOut(config, book, step, schedule)
  const pending = new Set<Promise<unknown>>()
  let looking: NodeJS.Timeout | undefined

  async function schedule(entry: Live, options: { hurry?: boolean } = {}) {
    const next = nextJob(entry.record)
    if (!next) return
    const { uid, action } = entry.record
    const payload: Payload = { record: entry.record, findings: entry.findings.slice(-MAX_FINDINGS_IN_JOB) }
    const job: Job = {
      id: `${uid}-${next.kind}`,
      kind: next.kind,
      response_uid: uid,
      action,
      payload: payload as unknown as Json,
    }
    try {
      await config.jobs.add(job, { ...options, delay_ms: Math.max(0, next.time - config.now()), backoff_ms: 1_000 })
    } catch (error) {
      if (!(error instanceof WeirError) || !error.retryable) throw error
      config.log.warn({ error, response: uid }, 'the job could not be added; it is tried again')
    }
  }

  /** Adds the jobs of all responses that wait for one, and in which nothing happened for a while. */
  async function scheduleAll(quiet_for_ms: number) {
    for (const entry of book.all()) {
      if (config.now() - entry.record.time >= quiet_for_ms) await schedule(entry)
    }
  }

  /** One at a time, in all processes, about one action of one playbook on one workload. */
  function inTurn<T>(place: Place, work: (turn: Turn) => Promise<T>): Promise<T> {
    const action = place.nth === undefined ? place.action : `${place.action}:${place.nth}`
    const key = `${place.playbook}/${action}/${place.workload.uid}`
    return tracked(
      config.jobs.inTurn(key, async (turn) => {
        if (turn.last) book.note(turn.last as unknown as ResponseRecord)
        return work(turn)
      }),
    )
  }

  function tracked<T>(work: Promise<T>): Promise<T> {
    const over = work.then(
      () => {},
      () => {},
    )
    pending.add(over)
    void over.then(() => pending.delete(over))
    return work
  }

  async function entryOf(job: Job): Promise<Live> {
    const { record, findings } = job.payload as unknown as Payload
    const entry = book.note(record)
    if (!entry) {
      const message = `playbook ${record.playbook} or action ${record.action} is not configured here`
      throw new WeirError('not_found', message, { retryable: true })
    }
    if (entry.findings.length === 0) entry.findings = [...findings]
    return entry
  }

  async function respond(playbook: Playbook, finding: WorkloadFinding, event: OcsfEvent) {
    for (const [index, { action, params }] of playbook.actions.entries()) {
      if (!config.actions.find(action).targets.includes(finding.workload.kind)) continue
      const uid = responseUid(playbook.name, index, action, finding)
      const nth = playbook.actions.slice(0, index).filter((before) => before.action === action).length
      const of = { playbook: playbook.name, action, workload: finding.workload }
      const place: Place = nth === 0 ? of : { ...of, nth }
      await inTurn(place, async (turn) => {
        const entry = book.responseTo(place, finding) ?? book.open(draft(uid, place, params, finding), playbook)
        await join(entry, turn, event)
      })
    }
  }

  /** The finding is one of those that led to this response; a proposal may have waited for it. */
  async function join(entry: Live, turn: Turn, event: OcsfEvent) {
    const uid = findingOf(event)?.uid ?? ''
    if (!entry.findings.some((known) => findingOf(known)?.uid === uid)) {
      entry.findings = [...entry.findings, event].slice(-MAX_FINDINGS)
    }
    if (!entry.record.finding_uids.includes(uid)) {
      entry.record = { ...entry.record, finding_uids: [...entry.record.finding_uids, uid].slice(-MAX_FINDINGS) }
    }
    if (entry.record.step < 0 || entry.record.state === 'proposed') await consider(entry, turn)
  }

  /** What starts no playbook may still be the other family that a proposal about this workload was waiting for. */
  async function tellProposals(finding: WorkloadFinding, event: OcsfEvent) {
    for (const entry of book.all()) {
      if (entry.record.workload.uid !== finding.workload.uid || entry.record.state !== 'proposed') continue
      if (entry.findings.includes(event)) continue
      await inTurn(entry.record, async (turn) => {
        if (entry.record.state === 'proposed') await join(entry, turn, event)
      })
    }
  }

  function draft(uid: string, place: Place, params: object, finding: WorkloadFinding) {
    const { action } = place
    const record: ResponseRecord = {
      uid,
      step: -1,
      time: config.now(),
      created_time: finding.time,
      state: 'proposed',
      ...place,
      params: recordedParams(config.actions.find(action), { ...config.action_params[action], ...params }) as Json,
      finding_uids: [],
      dry_run: config.mode === 'dry_run',
      reasons: [],
    }
    return record
  }

  /** What a person decided about one response, while nothing else happens to it. */
  function decideOn(uid: string, work: (entry: Live, turn: Turn) => Promise<void>): Promise<void> {
    const entry = book.find(uid)
    if (!entry) throw new WeirError('not_found', `there is no response ${uid}`, { hint: 'weir responses lists them.' })
    return inTurn(entry.record, (turn) => work(entry, turn))
  }

  function expectProposal({ record }: Live, what: string) {
    if (record.state === 'proposed' || record.state === 'waiting_approval') return
    throw new WeirError('conflict', `response ${record.uid} is ${record.state}, only a proposal can be ${what}`)
  }

  async function beginUndo(entry: Live, turn: Turn, reasons: readonly string[], by: string) {
    await step(entry, turn, 'undoing', reasons, { by })
    await schedule(entry, { hurry: true })
  }

  return {
    async start(recorded, findings = []) {
      for (const event of findings) {
        const finding = workloadFinding(event)
        if (finding) book.remember(event, finding, true)
      }
      for (const event of recorded) {
        const record = responseOf(event)
        if (record) book.note(record)
      }
      await scheduleAll(0)
      await config.jobs.process(
        async (job) => {
          const entry = await entryOf(job)
          await inTurn(entry.record, (turn) => runJob(job.kind, entry, turn))
        },
        async (job, error) => {
          config.log.error({ job: job.id, error }, 'response failed')
          const entry = await entryOf(job)
          await inTurn(entry.record, (turn) => jobFailed(job.kind, entry, turn, error))
        },
        () => scheduleAll(0),
      )
      const every = config.look_after_ms ?? LOOK_AFTER_MS
      let is_adding = false
      looking = setInterval(() => {
        // Where jobs are slow to take, one look after another waits longer than the time between them.
        if (is_adding) return
        is_adding = true
        scheduleAll(every)
          .catch((error) => config.log.warn({ error }, 'jobs could not be looked after'))
          .finally(() => {
            is_adding = false
          })
      }, every).unref()
    },
    async handle(events) {
      for (const event of events) {
        const finding = workloadFinding(event)
        if (!finding || book.incident(finding)?.is_handled) continue
        book.remember(event, finding, false)
        for (const playbook of config.playbooks) {
          if (matches(playbook, finding)) await respond(playbook, finding, event)
        }
        await tellProposals(finding, event)
        const incident = book.incident(finding)
        if (incident) incident.is_handled = true
      }
    },
    observe(events) {
      for (const event of events) {
        const record = responseOf(event)
        if (record) book.see(record)
        const finding = workloadFinding(event)
        if (!finding || !book.remember(event, finding, false)) continue
        tellProposals(finding, event).catch((error) => config.log.warn({ error }, 'a proposal was not told'))
      }
    },
    async approve(uid, by, reason) {
      await decideOn(uid, (entry, turn) => {
        expectProposal(entry, 'approved')
        return consider(entry, turn, reason === undefined ? { by } : { by, reason })
      })
    },
    async reject(uid, by, reason) {
      await decideOn(uid, (entry, turn) => {
        expectProposal(entry, 'rejected')
        return step(entry, turn, 'rejected', [`Rejected by ${by}.`, ...(reason ? [reason] : [])], { by })
      })
    },
    async undo(uid, by, reason) {
      await decideOn(uid, (entry, turn) => {
        const { state, plan, dry_run } = entry.record
        // What failed half way, or could not be taken back, may still have its effect.
        const may_have_effect = state === 'verified' || (state === 'failed' && plan !== undefined && !dry_run)
        if (!may_have_effect || !entry.action.undo) {
          const message = `response ${uid} is ${state}, only a reversible one that was carried out can be undone`
          throw new WeirError('conflict', message)
        }
        return beginUndo(entry, turn, [`Asked for by ${by}.`, ...(reason ? [reason] : [])], by)
      })
    },
    async falsePositive(finding_uid, by) {
      const reasons = [`Finding ${finding_uid} was a false positive, says ${by}.`]
      for (const { record } of book.all()) {
        if (!record.finding_uids.includes(finding_uid)) continue
        await decideOn(record.uid, async (entry, turn) => {
          const { state } = entry.record
          if (state === 'proposed' || state === 'waiting_approval') await step(entry, turn, 'rejected', reasons, { by })
          if (state === 'verified' && entry.action.undo) await beginUndo(entry, turn, reasons, by)
        })
      }
    },
    state: () => book.all().map(({ record }) => record),
    async settle() {
      await config.jobs.settle()
      await Promise.all(pending)
    },
    async stop() {
      clearInterval(looking)
      await config.jobs.stop()
      await Promise.all(pending)
    },
  }
}

function responseUid(playbook: string, index: number, action: string, finding: WorkloadFinding): string {
  const hash = createHash('sha256').update(JSON.stringify([playbook, index, action, finding.workload.uid, finding.uid]))
  return `rsp-${hash.digest('hex').slice(0, 24)}`
}
