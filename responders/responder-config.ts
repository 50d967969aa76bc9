import type { Registry } from '../core/define.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { OcsfEvent, Workload } from '../ocsf/event.js'
import type { ActionDefinition } from './contract.js'
import type { Circumstances } from './decision.js'
import type { Jobs } from './jobs/port.js'
import type { Playbook } from './playbook.js'

/** What a responder is given by the composition root. */
export type ResponderConfig = {
  playbooks: readonly Playbook[]
  actions: Registry<ActionDefinition>
  /** Default params by action name; a playbook's own win. */
  action_params: { readonly [action: string]: { readonly [field: string]: unknown } | undefined }
  mode: 'dry_run' | 'enforce'
  jobs: Jobs
  /** Resolves when the steps are durable. Nothing is done before that. */
  publish: (steps: readonly OcsfEvent[]) => Promise<void>
  /**
   * True where several responders share the work: `observe` is called with all steps of all of them, in the order of the
   * log. Then nothing is executed before this responder has seen that its own step came first.
   */
  shared?: boolean
  coverage: (workload: Workload) => Circumstances['coverage']
  /** Workloads of this group that are known. */
  peers: (group: string) => number
  /** Connections of the workload that the telemetry saw opened after `since`, ms since 1970. */
  traffic?: (workload: Workload, since: number) => Promise<number>
  /** How long the telemetry is watched after a reversible action before its effect counts as verified, ms. */
  effect_window_ms: number
  /** How long one call of an action may take, ms. */
  timeout_ms: number
  /** How often jobs are added again for responses in which nothing happened for as long, ms. */
  look_after_ms?: number
  now: () => number
  log: Log
  metrics: Metrics
}
