import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, WeirError } from '../../core/errors.js'
import { chooseBackend } from '../../models/backend.js'
import type { BehaviourModel } from '../../models/behaviour.js'
import { FEATURE_CLASSES } from '../../models/feature-extract.js'
import { createFeatureWindow, evidenceOf, type FeatureRow } from '../../models/feature-window.js'
import {
  type Detector,
  type DetectorCoverage,
  type DetectorDeps,
  defineDetector,
  type FindingDraft,
} from '../contract.js'
import { createLearner, type Learner } from './learner.js'
import {
  confidenceOf,
  kindOfFinding,
  leadingParts,
  reasonOf,
  severityOf,
  techniquesOf,
  type Verdict,
} from './reason.js'
import { createRowMemory, type RowMemory } from './row-memory.js'
import { fetchFolder, shareFolder } from './shared-folder.js'

const HOUR_MS = 3_600_000
/** Uids of restored events that are remembered. */
const MAX_RESTORED = 1_000_000

const config = z.strictObject({
  window_ms: z.int().min(1_000).max(HOUR_MS).default(60_000).describe('Length of one row of features, in ms.'),
  learning_ms: z
    .int()
    .min(0)
    .default(23 * HOUR_MS)
    .describe('The first model is trained when what was seen covers this much event time, in ms: a day and a night.'),
  min_training_rows: z.int().min(200).default(600).describe('Fewest rows (workload minutes) to train with.'),
  retrain_every_ms: z
    .int()
    .min(60_000)
    .default(24 * HOUR_MS)
    .describe('Event time from one training to the next, in ms.'),
  min_group_minutes: z
    .int()
    .min(20)
    .default(60)
    .describe('Minutes of history a workload group needs before it is judged.'),
  budget_per_day: z
    .number()
    .positive()
    .default(1)
    .describe('Normal minutes per day, over all workloads, that may be taken for unusual: sets the alert level.'),
  max_rows: z.int().min(1_000).max(1_000_000).default(20_000).describe('Normal rows kept for training.'),
  max_workloads: z.int().min(1).default(20_000).describe('Workloads with an open window at one time.'),
  hidden: z.array(z.int().min(1).max(256)).min(1).max(7).default([16, 8, 16]).describe('Layers of the autoencoder.'),
  epochs: z.int().min(1).max(1_000).default(40).describe('Most passes over the training rows.'),
  seed: z.int().default(1).describe('Same seed and same events: same model.'),
})
type AnomalyConfig = z.output<typeof config>

/** Learns what each workload group does in a minute, and reports minutes that the learned model cannot reproduce. */
export const anomaly = defineDetector({
  name: 'anomaly',
  summary: 'Minutes in which a workload does not behave as its group does: an autoencoder over behaviour features',
  family: 'anomaly',
  needs: { classes: FEATURE_CLASSES },
  // Windows only: the rows to train with are kept on disk.
  memory_ms: 5 * 60_000,
  config,
  example: { learning_ms: 86_400_000, budget_per_day: 1 },
  create: createAnomaly,
})

async function createAnomaly(settings: AnomalyConfig, deps: DetectorDeps): Promise<Detector> {
  const { log, state_dir, shared } = deps
  const memory = createRowMemory(settings.max_rows, settings.seed)
  const memoryDir = join(state_dir, 'rows')
  const learner = createLearner({
    ...settings,
    model: { hidden: settings.hidden, epochs: settings.epochs, min_group_rows: settings.min_group_minutes },
    memory,
    dir: state_dir,
    shared,
    log,
  })
  // The engine closes windows when its watermark, which waits for late events, has passed.
  const { window_ms, max_workloads } = settings
  const windows = createFeatureWindow({ window_ms, lateness_ms: 0, max_workloads, max_open: 2 * max_workloads })

  await chooseBackend()
  await learner.load()
  // Rows are what alike workloads did; where there are none yet, those of another process teach the same.
  if (shared && !existsSync(memoryDir)) await fetchFolder(shared, 'rows', state_dir)
  await memory.load(memoryDir).catch((error: unknown) => {
    if (error instanceof WeirError && error.code === 'not_found') return
    log.warn(`training rows are lost and collected again: ${messageOf(error)}`)
  })
  // Rows up to here are in the memory already; `restore` would add them twice.
  const rememberedTo = memory.seen.to
  let saved = { at: memory.seen.to, done: Promise.resolve() }
  let restoredTo = Number.NEGATIVE_INFINITY

  /** Every hour of event time, so that a crash costs an hour of learning at most. */
  function saveMemory() {
    const { to } = memory.seen
    if (!(to - saved.at < HOUR_MS)) {
      const done = saved.done
        .then(() => memory.save(memoryDir))
        .then(() => (shared ? shareFolder(shared, 'rows', memoryDir) : undefined))
        .catch((error: unknown) => log.warn(`training rows are not saved: ${messageOf(error)}`))
      saved = { at: to, done }
    }
  }

  function judge(rows: readonly FeatureRow[], may_alert: boolean): FindingDraft[] {
    if (rows.length === 0) return []
    const model = learner.model()
    if (model) adoptYoung(model, rows, memory, settings.min_group_minutes)
    const scores = model?.score(rows)
    const threshold = model?.manifest?.threshold ?? Number.POSITIVE_INFINITY
    const findings: FindingDraft[] = []
    rows.forEach((row, at) => {
      const unusual = (scores?.[at] ?? 0) > threshold
      if (!unusual && !(row.minute <= rememberedTo)) memory.add(row.group, row.minute, row.vector)
      if (unusual && may_alert && model) findings.push(draftOf(row, model, memory, window_ms))
    })
    saveMemory()
    const last = rows.at(-1)
    if (last) learner.tick(last.minute + window_ms)
    return findings
  }

  // Restored events that may come once more; those of closed windows are refused anyway.
  let restored = new Set<string>()

  return {
    process(events) {
      for (const event of events) {
        if (restored.size > 0 && restored.has(event.metadata.uid ?? '')) continue
        windows.add(event)
      }
      return []
    },
    advance(watermark) {
      const findings = judge(windows.close(watermark), true)
      if (restored.size > 0 && watermark > restoredTo + window_ms) restored = new Set()
      return findings
    },
    restore(events) {
      for (const event of events) {
        windows.add(event)
        if (event.metadata.uid !== undefined && restored.size < MAX_RESTORED) restored.add(event.metadata.uid)
        if (event.time > restoredTo) restoredTo = event.time
      }
      judge(windows.close(restoredTo - 2 * window_ms), false)
    },
    coverage: () => coverageOf(learner, settings),
    lost() {
      const { late, ahead, overflow } = windows.stats()
      return { late, ahead, overflow }
    },
    settle: () => learner.settle(),
    async stop() {
      await learner.stop()
      await saved.done
      if (memory.seen.rows > 0) await memory.save(memoryDir)
    },
  }
}

/** Groups that appeared after the training get a first baseline once they have enough history. */
function adoptYoung(model: BehaviourModel, rows: readonly FeatureRow[], memory: RowMemory, minutes: number): void {
  for (const { group } of rows) {
    if (!model.knows(group) && memory.history(group) >= minutes) model.adopt(group, memory.vectorsOf(group))
  }
}

function draftOf(row: FeatureRow, model: BehaviourModel, memory: RowMemory, window_ms: number): FindingDraft {
  const verdict: Verdict = {
    ...model.explain(row),
    threshold: model.manifest?.threshold ?? Number.NaN,
    history: memory.history(row.group),
    provisional: model.provisional(row.group),
  }
  const leading = leadingParts(verdict)
  return {
    ...kindOfFinding(row, verdict),
    reason: reasonOf(row, verdict),
    workload: row.workload,
    severity_id: severityOf(verdict),
    confidence: confidenceOf(verdict),
    techniques: techniquesOf(verdict),
    evidence: evidenceOf(
      row,
      leading.map((part) => part.feature.name),
    ),
    time: row.minute + window_ms - 1,
    details: {
      score: Number(verdict.score.toPrecision(4)),
      threshold: Number(verdict.threshold.toPrecision(4)),
      compared_with: row.group,
      minutes_of_history: verdict.history,
      contributions: verdict.parts
        .slice(0, 5)
        .map(
          ({ feature, value, usual, share }) =>
            `${feature.name} ${value.toPrecision(3)} ${feature.unit}, usual ${usual.toPrecision(3)}, ${Math.round(share * 100)} % of the score`,
        ),
    },
  }
}

function coverageOf(learner: Learner, settings: AnomalyConfig): DetectorCoverage {
  const problem = learner.problem()
  if (learner.model()) {
    const message = problem === '' ? 'judges every minute of known workloads' : `uses an old model: ${problem}`
    return { status: problem === '' ? 'ok' : 'degraded', message }
  }
  if (problem !== '') return { status: 'unavailable', message: `no model: ${problem}` }
  if (learner.progress() !== undefined) return { status: 'degraded', message: 'trains its first model' }
  const hours = (ms: number) => `${Math.round(ms / HOUR_MS)} h`
  return {
    status: 'degraded',
    message: `learns what is normal: judges nothing until it has seen ${hours(settings.learning_ms)} and ${settings.min_training_rows} workload minutes`,
  }
}
