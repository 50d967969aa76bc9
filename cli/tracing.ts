import { randomUUID } from 'node:crypto'
import type { Bus, Message, Topic } from '../bus/port.js'
import { type Registry, registry } from '../core/define.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { createOtlpTraces } from '../core/otlp-traces.js'
import { createTracer, noTracer, type Tracer } from '../core/tracing.js'
import type { Intake } from '../ingest/intake.js'
import type { Action, ActionContext, ActionDefinition } from '../responders/contract.js'
import type { Jobs } from '../responders/jobs/port.js'
import type { WeirConfig } from './config.js'
import type { Role } from './roles/role.js'
import { version } from './version.js'

type Options = { config: Pick<WeirConfig, 'telemetry'>; roles: readonly Role[]; log: Log; metrics: Metrics }

/** The tracer of a process. Without `telemetry.otlp_url` it traces nothing, and what follows wraps nothing. */
export function openTracer({ config: { telemetry }, roles, log, metrics }: Options): Tracer {
  const { otlp_url, headers, sample_ratio } = telemetry
  if (otlp_url === undefined) return noTracer
  const resource = {
    'service.name': 'weir',
    'service.version': version,
    'service.instance.id': randomUUID(),
    'process.pid': process.pid,
    'weir.roles': roles.join(','),
  }
  return createTracer(createOtlpTraces({ url: otlp_url, headers, resource, log, metrics }), sample_ratio)
}

/** A span for what a collector hands over at a time. */
export function tracedIntake(intake: Intake, tracer: Tracer): Intake {
  if (!tracer.on) return intake
  return {
    emit(instance, format, records, repeats) {
      const attributes = { 'weir.collector': instance, 'weir.format': format, 'weir.records': records.length }
      return tracer.run('ingest', { attributes }, () => intake.emit(instance, format, records, repeats))
    },
  }
}

/** Groups whose work is followed; observers of responses only listen. */
const FOLLOWED = new Set(['store', 'detect', 'respond'])
/** Few, and each is the beginning of something: every message says what led to it. Of others, the first of a publication. */
const EACH = new Set<Topic>(['weir.findings', 'weir.responses'])

/** A span for each publication, and for each batch that a role handles; messages carry the context from one to the other. */
export function tracedBus(bus: Bus, tracer: Tracer): Bus {
  if (!tracer.on) return bus
  const about = (topic: Topic, messages: readonly Message[]) => ({
    'messaging.destination.name': topic,
    'messaging.batch.message_count': messages.length,
  })
  return {
    ...bus,
    publish(topic, messages) {
      if (messages.length === 0) return bus.publish(topic, messages)
      const options = { kind: 'producer', attributes: about(topic, messages) } as const
      return tracer.run(`publish ${topic}`, options, () =>
        bus.publish(topic, marked(topic, messages, tracer.current())),
      )
    },
    subscribe(group, topics, handler, options) {
      if (!FOLLOWED.has(group)) return bus.subscribe(group, topics, handler, options)
      return bus.subscribe(
        group,
        topics,
        (batch) => {
          const { topic, messages } = batch
          const causes = messages.flatMap(({ trace }) => (trace === undefined ? [] : [trace]))
          const span = { kind: 'consumer', attributes: about(topic, messages), causes } as const
          return tracer.run(`${group} ${topic}`, span, () => handler(batch))
        },
        options,
      )
    },
  }
}

function marked(topic: Topic, messages: readonly Message[], trace: string | undefined): readonly Message[] {
  if (trace === undefined) return messages
  return messages.map((message, index) => (index === 0 || EACH.has(topic) ? { ...message, trace } : message))
}

/** A span for each try of a job: part of the trace that asked for it, or, where it undoes that later, linked with it. */
export function tracedJobs(jobs: Jobs, tracer: Tracer): Jobs {
  if (!tracer.on) return jobs
  return {
    ...jobs,
    add(job, options) {
      const trace = tracer.current()
      return jobs.add(trace === undefined ? job : { ...job, trace }, options)
    },
    process(handler, failed, lost) {
      return jobs.process(
        (job) => {
          const origin = job.trace === undefined ? [] : [job.trace]
          const attributes = { 'weir.response_uid': job.response_uid, 'weir.action': job.action }
          const links = job.kind === 'undo' ? { causes: [], links: origin } : { causes: origin }
          return tracer.run(`job ${job.kind}`, { kind: 'consumer', attributes, ...links }, () => handler(job))
        },
        failed,
        lost,
      )
    },
  }
}

/** A span for each thing that an action does. */
export function tracedActions(actions: Registry<ActionDefinition>, tracer: Tracer): Registry<ActionDefinition> {
  if (!tracer.on) return actions
  const traced = (name: string, action: Action): Action => {
    const steps = Object.entries(action).map(([step, work]) => [
      step,
      (context: ActionContext, ...rest: unknown[]) => {
        const { response_uid, workload, playbook } = context
        const attributes = {
          'weir.response_uid': response_uid,
          'weir.workload': workload.uid,
          'weir.playbook': playbook,
        }
        return tracer.run(`${name} ${step}`, { attributes }, () => Reflect.apply(work, action, [context, ...rest]))
      },
    ])
    return Object.fromEntries(steps) as Action
  }
  return registry(
    'action',
    actions.all.map((definition) => ({
      ...definition,
      create: (params, deps) => traced(definition.name, definition.create(params, deps)),
    })),
  )
}
