import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { type BehaviourConfig, type BehaviourModel, createBehaviourModel } from '../../models/behaviour.js'
import { type Training, trainInWorker } from '../../models/train.js'
import type { SharedState } from '../contract.js'
import type { RowMemory } from './row-memory.js'
import { fetchFolder, shareFolder } from './shared-folder.js'

const DAY_MS = 86_400_000
const KEPT_ARTIFACTS = 3

export type LearnerOptions = {
  readonly model: BehaviourConfig
  readonly memory: RowMemory
  /** The first model is trained when normal rows cover this much event time, ms ... */
  readonly learning_ms: number
  /** ... and are at least so many. */
  readonly min_training_rows: number
  /** Later models, ms of event time after the one before. */
  readonly retrain_every_ms: number
  readonly budget_per_day: number
  readonly seed: number
  /** Artifacts are the folders `model-<time>` in it. */
  readonly dir: string
  /** Where other processes find the newest artifact. */
  readonly shared?: SharedState | undefined
  readonly log: Log
}

/** Trains a model when it is time, one at a time, and keeps the newest one that loads. */
export type Learner = {
  /** The model in use; undefined while the first one is still to come. */
  model(): BehaviourModel | undefined
  /** Event time is `time` (ms): starts a training in the background if one is due. */
  tick(time: number): void
  /** Share of the running training, 0 to 1; undefined if none runs. */
  progress(): number | undefined
  /** Why the last training failed; empty if it did not. */
  problem(): string
  /** Loads the newest artifact that can be used; damaged and outdated ones are passed over and named in the log. */
  load(): Promise<void>
  /** Waits for a training in flight. */
  settle(): Promise<void>
  /** Ends a training in flight. */
  stop(): Promise<void>
}

/** Builds a learner that owns the artifacts in `dir`. */
export function createLearner(options: LearnerOptions): Learner {
  const { memory, log, dir, shared } = options
  let current: BehaviourModel | undefined
  let training: Training | undefined
  let finished: Promise<void> = Promise.resolve()
  let share = 0
  let problem = ''
  let stopped = false
  /** Event time of the newest row the last training (tried or done) knew. */
  let trainedTo = Number.NEGATIVE_INFINITY

  async function artifacts(): Promise<{ path: string; time: number }[]> {
    const names = await readdir(dir)
    const found = names.flatMap((name) => {
      const time = /^model-(\d+)$/.exec(name)?.[1]
      return time === undefined ? [] : [{ path: join(dir, name), time: Number(time) }]
    })
    return found.sort((a, b) => b.time - a.time)
  }

  function due(time: number): boolean {
    if (stopped || training || memory.size < options.min_training_rows) return false
    const { from, to } = memory.seen
    if (current) return time - trainedTo >= options.retrain_every_ms
    // After a failure with the same rows, more of them are worth a new try, but not every second.
    if (trainedTo > 0 && time - trainedTo < Math.min(options.retrain_every_ms, DAY_MS / 24)) return false
    return to - from >= options.learning_ms
  }

  function alertShare(): number {
    const { rows, from, to } = memory.seen
    const days = Math.max((to - from) / DAY_MS, 1 / 24)
    return Math.min(0.01, options.budget_per_day / Math.max(1, rows / days))
  }

  async function train(path: string) {
    const { rows, range } = memory.training()
    trainedTo = range.to
    share = 0
    const config = { ...options.model, alert_share: alertShare() }
    log.info({ rows: rows.group_of.length, groups: rows.groups.length }, 'training the behaviour model')
    training = trainInWorker({ config, rows, range, seed: options.seed, dir: path }, (done) => {
      share = done
    })
    try {
      const manifest = await training.done
      const model = createBehaviourModel(options.model)
      await model.load(path)
      current = model
      problem = ''
      log.info({ threshold: manifest.threshold, metrics: manifest.metrics }, 'behaviour model trained')
      for (const { path: old } of (await artifacts()).slice(KEPT_ARTIFACTS)) {
        await rm(old, { recursive: true, force: true })
      }
      await shareModel(path)
    } catch (error) {
      if (stopped) return
      problem = messageOf(error)
      log.error({ err: error }, 'training failed; the model before stays in use')
    } finally {
      training = undefined
    }
  }

  async function shareModel(path: string) {
    try {
      if (shared) await shareFolder(shared, 'model', path)
    } catch (error) {
      log.warn(`the model is not shared: ${messageOf(error)}`)
    }
  }

  return {
    model: () => current,
    progress: () => (training ? share : undefined),
    problem: () => problem,
    tick(time) {
      if (due(time)) finished = train(join(dir, `model-${memory.seen.to}`))
    },
    async load() {
      // What a killed process left half written.
      for (const name of await readdir(dir)) {
        if (name.startsWith('.')) await rm(join(dir, name), { recursive: true, force: true })
      }
      if (shared) await fetchFolder(shared, 'model', dir)
      for (const { path } of await artifacts()) {
        const model = createBehaviourModel(options.model)
        try {
          await model.load(path)
        } catch (error) {
          log.warn({ artifact: path }, `behaviour model passed over: ${messageOf(error)}`)
          continue
        }
        current = model
        trainedTo = model.manifest?.data_range.to ?? trainedTo
        return
      }
    },
    settle: () => finished,
    async stop() {
      stopped = true
      await training?.stop()
      await finished
    },
  }
}
