import type { z } from 'zod'
import type { Definition } from '../core/define.js'
import type { Log } from '../core/log.js'
import type { Json, OcsfEvent, Workload, WorkloadKind } from '../ocsf/event.js'

/** What an action works on. */
export type ActionContext = {
  /** Idempotency key of this response: the same key must never have a second effect. */
  readonly response_uid: string
  readonly workload: Workload
  /** The findings (class 2004) that led here, oldest first. */
  readonly findings: readonly OcsfEvent[]
  readonly playbook: string
}

/** What would happen, from reading only. `pre_image` is all that `undo` needs, and is durable before `execute` starts. */
export type Plan = {
  /** Plain sentences, one a step: exactly what execute will do. */
  readonly steps: readonly string[]
  /** Plain sentences: exactly what undo will do; empty if not reversible. */
  readonly undo_steps: readonly string[]
  readonly pre_image: Json
}

/** Did it work? `evidence` is what the platform answered, in words. */
export type Verification = { readonly ok: boolean; readonly evidence: string }

/** One way to act on a workload. Every method may be called again after a crash and must then be harmless. */
export type Action = {
  plan(context: ActionContext): Promise<Plan>
  execute(context: ActionContext, plan: Plan): Promise<void>
  /** Asks the platform whether the effect is there. */
  verify(context: ActionContext, plan: Plan): Promise<Verification>
  /** Brings back what `pre_image` describes. Absent if not reversible. */
  undo?(context: ActionContext, plan: Plan): Promise<void>
  /** Asks the platform whether the pre-image is back. */
  verify_undo?(context: ActionContext, plan: Plan): Promise<Verification>
}

export type ActionDefinition<Params extends z.ZodType = z.ZodType> = Definition<Params> & {
  /** What the operator must grant, in the platform's own words. */
  readonly permissions: readonly string[]
  readonly targets: readonly WorkloadKind[]
  readonly reversible: boolean
  /** True if the workload must not open connections any more once it worked: the telemetry is asked, too. */
  readonly stops_traffic: boolean
  /** Params that are never recorded: bus, lake and jobs are read by many. They are taken from the configuration again. */
  readonly secrets?: readonly string[]
  create(params: z.output<Params>, deps: { readonly log: Log }): Action
}

/** Gives the compiler the params type; adds nothing at run time. */
export function defineAction<Params extends z.ZodType>(definition: ActionDefinition<Params>): ActionDefinition<Params> {
  return definition
}
