import { messageOf } from '../core/errors.js'
import type { Json } from '../ocsf/event.js'
import { type Book, type Live, type Promised, workloadFinding } from './book.js'
import type { ActionContext } from './contract.js'
import { decide } from './decision.js'
import type { Job, Turn } from './jobs/port.js'
import { OPEN } from './lifetime.js'
import type { ResponseRecord } from './record.js'
import type { ResponderConfig } from './responder-config.js'
import type { Step } from './steps.js'
import { timeLimit } from './time-limit.js'

/** Adds the job that the response as recorded waits for. */
export type Schedule = (entry: Live, options?: { hurry?: boolean }) => Promise<void>

/** What can be done to one response, by whoever holds its turn. Each may be called again after a crash at any point. */
export function createCarryOut(config: ResponderConfig, book: Book, step: Step, schedule: Schedule) {
  const within = <T>(what: string, work: Promise<T>) => timeLimit(work, config.timeout_ms, what)

  /** Verify, guard, approve; then plan. */
  async function consider(entry: Live, turn: Turn, approved?: { by: string; reason?: string }) {
    const all = book.findingsAbout(entry.record.workload.uid)
    const known = all.length > 0 ? all : entry.findings.flatMap((event) => workloadFinding(event) ?? [])
    // Limits hold for all responders together: one after the other decides, and tells the next what it is about to do.
    const decision = await config.jobs.inTurn('guards', async (guards) => {
      const promised = (guards.last ?? []) as unknown as Promised[]
      const made = decide(entry.playbook, known, book.circumstances(entry, promised, approved?.by))
      if (made.verdict === 'act') await guards.leave(book.promise(entry.record, promised) as unknown as Json)
      return made
    })
    if (decision.verdict === 'act') book.gather(entry)
    const by = approved ? { by: approved.by } : {}
    const reasons = [...decision.reasons, ...(approved?.reason ? [approved.reason] : [])]
    if (decision.verdict === 'act') return plan(entry, turn, reasons, by)
    const state = decision.verdict === 'ask' ? 'waiting_approval' : 'proposed'
    if (entry.record.step < 0 || entry.record.state !== state) await step(entry, turn, state, reasons, by)
  }

  async function plan(entry: Live, turn: Turn, reasons: readonly string[], more: Partial<ResponseRecord>) {
    let made: ResponseRecord['plan']
    try {
      made = await within(`planning ${entry.record.action}`, entry.action.plan(contextOf(entry)))
    } catch (error) {
      return step(entry, turn, 'failed', [`It could not be planned: ${messageOf(error)}`], more)
    }
    await step(entry, turn, 'planned', reasons, { ...more, plan: made })
    await schedule(entry)
  }

  async function execute(entry: Live, turn: Turn) {
    const { plan: made, state } = entry.record
    if (!made) return
    const context = contextOf(entry)
    // After a crash between doing and recording, the platform is asked before anything is done again.
    const before =
      state === 'executing'
        ? await within('verifying', entry.action.verify(context, made))
        : { ok: false, evidence: '' }
    if (state === 'planned') await step(entry, turn, 'executing', entry.record.reasons)
    if (!before.ok) await within(`executing ${entry.record.action}`, entry.action.execute(context, made))
    const executed = config.now()
    const after = await within('verifying', entry.action.verify(context, made))
    const talking = after.ok ? await stillTalking(entry, executed) : undefined
    if (!after.ok || talking) {
      const reasons = [`The effect was not there: ${talking ?? after.evidence}`]
      if (!entry.action.undo) return step(entry, turn, 'failed', reasons)
      await step(entry, turn, 'failed', [...reasons, 'It is taken back.'], { take_back: true })
      return takeBack(entry, turn)
    }
    const undo_after_ms = entry.action.undo ? entry.playbook.undo_after_ms : null
    const more = undo_after_ms === null ? {} : { undo_time: config.now() + undo_after_ms }
    await step(entry, turn, 'verified', [after.evidence], more)
    await schedule(entry)
  }

  async function stillTalking(entry: Live, since: number): Promise<string | undefined> {
    if (!config.actions.find(entry.record.action).stops_traffic || !config.traffic) return undefined
    await new Promise((resolve) => setTimeout(resolve, config.effect_window_ms))
    const count = await config.traffic(entry.record.workload, since)
    return count > 0 ? `the telemetry saw ${count} new connections after it.` : undefined
  }

  async function takeBack(entry: Live, turn: Turn) {
    const { plan: made } = entry.record
    const { undo, verify_undo } = entry.action
    if (!made || !undo) return
    const context = contextOf(entry)
    const check = async () => (verify_undo ? within('verifying', verify_undo(context, made)) : undefined)
    // Whoever continues an undo asks first whether it was done already.
    const before = entry.record.state === 'undoing' ? await check() : undefined
    if (entry.record.state !== 'undoing') await step(entry, turn, 'undoing', entry.record.reasons)
    if (!before?.ok) await within(`undoing ${entry.record.action}`, undo(context, made))
    const back = (await check()) ?? { ok: true, evidence: 'Taken back.' }
    await step(entry, turn, back.ok ? 'undone' : 'failed', [back.evidence])
  }

  /** A job may be old or a repetition: the newest step alone says what is to be done. */
  async function runJob(kind: Job['kind'], entry: Live, turn: Turn) {
    const { state, dry_run, take_back } = entry.record
    if (dry_run) return
    if (kind === 'execute' && (state === 'planned' || state === 'executing')) return execute(entry, turn)
    if (state === 'undoing' || (state === 'failed' && take_back)) return takeBack(entry, turn)
    if (kind === 'undo' && state === 'verified') return takeBack(entry, turn)
  }

  async function jobFailed(kind: Job['kind'], entry: Live, turn: Turn, error: unknown) {
    const { state, take_back } = entry.record
    if (!OPEN.has(state) && !take_back) return
    await step(entry, turn, 'failed', [`${kind} failed: ${messageOf(error)}`])
  }

  return { consider, runJob, jobFailed }
}

function contextOf({ record, findings }: Live): ActionContext {
  return { response_uid: record.uid, workload: record.workload, findings, playbook: record.playbook }
}
