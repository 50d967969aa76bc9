import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Detector, DetectorCoverage, DetectorDefinition, Family, FindingDraft, SharedState } from './contract.js'

/** One configured detector. */
export type DetectorSetup = {
  /** Unique name in the configuration: metric label, folder of state, part of finding uids. */
  readonly instance: string
  readonly definition: DetectorDefinition
  /** What the user wrote; checked against the definition when the engine starts. */
  readonly config: unknown
}

export type RunnerOptions = {
  readonly log: Log
  readonly metrics: Metrics
  /** Folder below which each instance has its own. */
  readonly state_dir: string
  /** Where several processes keep what an instance has learned; absent if there is only this one. */
  readonly shared?: ((instance: string) => SharedState) | undefined
  /** Failures in a row after which a detector is given up until the next start. */
  readonly max_failures: number
}

/** Numbers of one detector since the start. */
export type RunnerStats = {
  readonly instance: string
  readonly family: Family
  readonly events: number
  /** Events it threw on: it never judged them. */
  readonly poisoned: number
  /** Events it did not see because it was given up. */
  readonly skipped: number
  readonly given_up: boolean
  /** Time spent inside it, ms. */
  readonly busy_ms: number
}

/** One detector behind a wall: whatever it throws is counted and stays here. */
export type Runner = {
  readonly instance: string
  readonly family: Family
  readonly classes: readonly number[] | 'all'
  readonly memory_ms: number
  readonly memory_of: 'own' | 'all'
  process(events: readonly OcsfEvent[]): FindingDraft[]
  advance(watermark: number): FindingDraft[]
  restore(events: readonly OcsfEvent[]): void
  /** When its own files were written, ms since 1970; 0 if it needs all of the past. */
  remembered(): number
  coverage(): DetectorCoverage
  settle(): Promise<void>
  stop(): Promise<void>
  stats(): RunnerStats
}

/** Checks the configuration and builds the detector. Throws `config_invalid` naming instance and field. */
export async function createRunner(setup: DetectorSetup, options: RunnerOptions): Promise<Runner> {
  const { instance, definition } = setup
  const detector = await build(setup, options)
  const log = options.log.child({ detector: instance })
  const { metrics } = options
  let events = 0
  let poisoned = 0
  let skipped = 0
  let busy_ms = 0
  let failures = 0
  let lastError = ''
  const lost = new Map<string, number>()

  function isGivenUp() {
    return failures >= options.max_failures
  }

  function failed(where: string, error: unknown) {
    failures++
    lastError = messageOf(error)
    metrics.count('detector_errors', { detector: instance, in: where })
    log.error({ err: error, failures }, `detector failed in ${where}`)
    if (isGivenUp()) log.error(`detector given up after ${failures} failures in a row`)
  }

  /** The batch threw: one event at a time finds the one that does it, and saves the others. */
  function processOneByOne(batch: readonly OcsfEvent[]): FindingDraft[] {
    const drafts: FindingDraft[] = []
    for (const [index, event] of batch.entries()) {
      if (isGivenUp()) {
        skip(batch.length - index)
        break
      }
      try {
        drafts.push(...detector.process([event]))
        failures = 0
      } catch (error) {
        poisoned++
        metrics.count('detector_poison_events', { detector: instance })
        log.warn({ uid: event.metadata?.uid }, 'event not judged: the detector throws on it')
        failed('process', error)
      }
    }
    return drafts
  }

  function countLost() {
    for (const [reason, n] of Object.entries(detector.lost?.() ?? {})) {
      metrics.count('detector_lost_events', { detector: instance, reason }, n - (lost.get(reason) ?? 0))
      lost.set(reason, n)
    }
  }

  function skip(n: number) {
    skipped += n
    metrics.count('detector_skipped_events', { detector: instance }, n)
  }

  return {
    instance,
    family: definition.family,
    classes: definition.needs.classes,
    memory_ms: definition.memory_ms,
    memory_of: definition.memory_of ?? 'own',
    process(batch) {
      if (isGivenUp()) {
        skip(batch.length)
        return []
      }
      events += batch.length
      const started = performance.now()
      try {
        const drafts = detector.process(batch)
        failures = 0
        return drafts
      } catch (error) {
        log.debug({ err: error }, 'batch failed, trying its events one by one')
        return processOneByOne(batch)
      } finally {
        busy_ms += performance.now() - started
      }
    },
    advance(watermark) {
      if (isGivenUp() || !detector.advance) return []
      try {
        const drafts = detector.advance(watermark)
        countLost()
        return drafts
      } catch (error) {
        failed('advance', error)
        return []
      }
    },
    restore(batch) {
      if (isGivenUp()) return
      try {
        detector.restore?.(batch)
      } catch (error) {
        failed('restore', error)
      }
    },
    remembered: () => detector.remembered?.() ?? 0,
    coverage() {
      if (isGivenUp()) {
        const message = `given up after ${failures} failures in a row, last: ${lastError}`
        return { status: 'unavailable', message }
      }
      return detector.coverage?.() ?? { status: 'ok', message: 'judges everything it gets' }
    },
    settle: async () => void (await guarded('settle', () => detector.settle?.())),
    stop: async () => void (await guarded('stop', () => detector.stop?.())),
    stats: () => ({
      instance,
      family: definition.family,
      events,
      poisoned,
      skipped,
      given_up: isGivenUp(),
      busy_ms,
    }),
  }

  async function guarded(where: string, work: () => Promise<void> | undefined) {
    try {
      await work()
    } catch (error) {
      failed(where, error)
    }
  }
}

async function build({ instance, definition, config }: DetectorSetup, options: RunnerOptions): Promise<Detector> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(instance)) {
    throw new WeirError('config_invalid', `detector name "${instance}" is not letters, digits, _, . and -`)
  }
  const checked = definition.config.safeParse(config ?? {})
  if (!checked.success) {
    const problems = checked.error.issues.map(
      (issue) => `${['detectors', instance, ...issue.path].join('.')}: ${issue.message}`,
    )
    throw new WeirError('config_invalid', problems.join('\n'))
  }
  const state_dir = join(options.state_dir, instance)
  mkdirSync(state_dir, { recursive: true, mode: 0o700 })
  const log = options.log.child({ detector: instance })
  return definition.create(checked.data, { instance, log, state_dir, shared: options.shared?.(instance) })
}
