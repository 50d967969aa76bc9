import type { z } from 'zod'
import type { Definition } from '../core/define.js'
import type { Log } from '../core/log.js'
import type { OcsfEvent, Workload } from '../ocsf/event.js'
import type { FindingFamily } from '../ocsf/finding.js'

/** Families are independent ways of knowing; a response needs two of them (or a person). */
export type Family = FindingFamily

/** What a detector found, before the engine makes an OCSF Detection Finding (2004) of it. */
export type FindingDraft = {
  /** Stable key of this kind of finding: rule id, `first_seen_process` ... */
  readonly rule: string
  readonly title: string
  /** One or two sentences a person can read: what happened, why it matters, compared with what. */
  readonly reason: string
  /** Absent if the evidence concerns none, e.g. an API call of a person in a cloud account. */
  readonly workload?: Workload | undefined
  /** OCSF severity_id: 1 informational, 2 low, 3 medium, 4 high, 5 critical. */
  readonly severity_id: 1 | 2 | 3 | 4 | 5
  /** 0 to 100. */
  readonly confidence: number
  /** MITRE ATT&CK technique ids, e.g. T1496. */
  readonly techniques: readonly string[]
  /** metadata.uid of the events that show it, oldest first, at most 20. */
  readonly evidence: readonly string[]
  /** Event time of the newest evidence, ms since 1970. */
  readonly time: number
  /** Repeats with the same key inside the suppression window are counted, not repeated. Default: rule + workload uid; give one if there is no workload. */
  readonly dedup_key?: string
  /** Numbers and names behind the reason, shown as they are. */
  readonly details?: { readonly [key: string]: string | number | boolean | readonly string[] }
}

/** Which events a detector wants; the engine filters before it calls. */
export type Needs = {
  /** OCSF class numbers, or every class. */
  readonly classes: readonly number[] | 'all'
}

/** What a detector cannot judge at the moment: still learning, a rule that does not load, the engine gave it up. */
export type DetectorCoverage = {
  readonly status: 'ok' | 'degraded' | 'unavailable'
  /** One sentence: what is (not) judged, and why. */
  readonly message: string
}

/** State lives inside; the engine owns isolation, counting, suppression and timing. All time is event time. */
export type Detector = {
  /**
   * Looks at events in bus order. Must be fast: it is on the path of every event. An event may come twice (redelivery
   * after a crash, a retry around an event that throws): it must then give the same finding again, or none.
   */
  process(events: readonly OcsfEvent[]): FindingDraft[]
  /** Event time has passed `watermark` (ms): close windows. Called once a second, once a minute of event time, and at the end of input. */
  advance?(watermark: number): FindingDraft[]
  /** Rebuilds state from the past, oldest first, without finding anything. Called before the first `process`. */
  restore?(events: readonly OcsfEvent[]): void
  /** When the state that the detector started from was saved, ms since 1970: `restore` then brings only what was stored since. 0: all. */
  remembered?(): number
  /** Asked after every `advance`; the engine reports it when it changes. */
  coverage?(): DetectorCoverage
  /** Events that it could not count in, by reason, since it was built. Asked after every `advance`; the engine counts them. */
  lost?(): { readonly [reason: string]: number }
  /** Waits for background work such as training. */
  settle?(): Promise<void>
  stop?(): Promise<void>
}

/** What a process saved, as text that only its detector can read. */
export type SavedState = {
  /** Everything that was received before is in it, ms since 1970. */
  readonly saved_time: number
  readonly content: string
}

/** Where processes that share the work keep what they learned, for whoever gets the work next. */
export type SharedState = {
  /** Replaces what this process saved under the name. */
  save(name: string, content: string): Promise<void>
  /** What each process saved last, newest first; without those whose work others have taken over since. */
  load(name: string): Promise<readonly SavedState[]>
}

export type DetectorDeps = {
  readonly instance: string
  readonly log: Log
  /** A folder of this instance's own for model artifacts. It exists. */
  readonly state_dir: string
  /** There if several processes share the work: then a file is of no use to the one that gets it next. */
  readonly shared?: SharedState | undefined
}

export type DetectorDefinition<Config extends z.ZodType = z.ZodType> = Definition<Config> & {
  readonly family: Family
  readonly needs: Needs
  /** How far back `restore` wants events, in ms; 0 for none. */
  readonly memory_ms: number
  /**
   * Whose past `restore` brings where several processes share the workloads: of this process's, or of all, because alike
   * workloads are anywhere. Default own.
   */
  readonly memory_of?: 'own' | 'all'
  /** Looks at what the configuration points to, such as rule files. Throws `config_invalid`. */
  check?(config: z.output<Config>): void
  create(config: z.output<Config>, deps: DetectorDeps): Detector | Promise<Detector>
}

/** Gives the compiler the config type; adds nothing at run time. */
export function defineDetector<Config extends z.ZodType>(
  definition: DetectorDefinition<Config>,
): DetectorDefinition<Config> {
  return definition
}
