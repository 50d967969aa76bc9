import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { messageOf } from './errors.js'
import type { Service } from './lifecycle.js'

/** Names one span to whoever goes on with its work, maybe elsewhere: a W3C `traceparent`. */
export type TraceContext = string

/** What a span says of its work. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

export type SpanKind = 'internal' | 'producer' | 'consumer'

export type SpanOptions = {
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  /**
   * What led to this work, if it was not the span that runs now. One recorded cause is the parent; several are links, and
   * this work begins a trace of its own.
   */
  readonly causes?: readonly TraceContext[]
  /** What this work has to do with, without being part of it. */
  readonly links?: readonly TraceContext[]
}

/** A finished span, as it is exported. */
export type SpanRecord = {
  readonly trace_id: string
  readonly span_id: string
  readonly parent_id: string | undefined
  readonly name: string
  readonly kind: SpanKind
  /** µs since 1970. */
  readonly start_us: number
  readonly end_us: number
  readonly attributes: Attributes
  readonly links: readonly { readonly trace_id: string; readonly span_id: string }[]
  /** What the work threw. */
  readonly error: string | undefined
}

/** Takes finished spans; never throws and never waits. */
export type SpanExporter = Service & { add(span: SpanRecord): void }

/** Follows a piece of work through the parts of a process, and from process to process. */
export type Tracer = Service & {
  /** False where nothing is ever recorded: then nothing is wrapped either. */
  readonly on: boolean
  /** Does the work inside a span, which ends with it. */
  run<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T>
  /** The span that runs now. */
  current(): TraceContext | undefined
}

/** Traces nothing. */
export const noTracer: Tracer = {
  name: 'traces',
  on: false,
  run: (_name, _options, work) => work(),
  current: () => undefined,
  start: async () => {},
  stop: async () => {},
}

type Running = { readonly trace_id: string; readonly span_id: string; readonly sampled: boolean }

const MAX_LINKS = 32

/** Traces that begin here are recorded at this ratio, 0 to 1; others as whoever began them decided. */
export function createTracer(exporter: SpanExporter, sample_ratio: number): Tracer {
  const running = new AsyncLocalStorage<Running>()

  function begin(causes: readonly Running[]): { span: Running; parent: Running | undefined } {
    const sampled = causes.filter((cause) => cause.sampled)
    const parent = sampled.length > 0 ? (sampled.length === 1 ? sampled[0] : undefined) : causes[0]
    const span = {
      trace_id: parent?.trace_id ?? randomBytes(16).toString('hex'),
      span_id: randomBytes(8).toString('hex'),
      sampled: parent?.sampled ?? (sampled.length > 0 || Math.random() < sample_ratio),
    }
    return { span, parent }
  }

  return {
    name: 'traces',
    on: true,
    start: exporter.start,
    stop: exporter.stop,
    current() {
      const span = running.getStore()
      return span && `00-${span.trace_id}-${span.span_id}-${span.sampled ? '01' : '00'}`
    },
    async run(name, { kind = 'internal', attributes = {}, causes, links = [] }, work) {
      const now = running.getStore()
      const led_here = causes ? parsed(causes) : now ? [now] : []
      const { span, parent } = begin(led_here)
      if (!span.sampled) return running.run(span, work)
      const start_us = micros()
      let error: string | undefined
      try {
        return await running.run(span, work)
      } catch (thrown) {
        error = messageOf(thrown).slice(0, 500)
        throw thrown
      } finally {
        const { trace_id, span_id } = span
        const linked = [...(parent ? [] : led_here), ...parsed(links)].filter((one) => one.sampled)
        exporter.add({
          trace_id,
          span_id,
          parent_id: parent?.span_id,
          name,
          kind,
          start_us,
          end_us: micros(),
          attributes,
          links: linked.slice(0, MAX_LINKS),
          error,
        })
      }
    },
  }
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/

/** Each context once; what is none is left out, because strangers may write to the bus. */
function parsed(contexts: readonly TraceContext[]): Running[] {
  return [...new Set(contexts)].flatMap((context) => {
    const [, trace_id, span_id, flags] = traceparent.exec(context) ?? []
    if (!trace_id || !span_id || /^0+$/.test(trace_id) || /^0+$/.test(span_id)) return []
    return [{ trace_id, span_id, sampled: (Number.parseInt(flags ?? '', 16) & 1) === 1 }]
  })
}

/** The wall clock at the start of the process, and the steady one since. */
function micros(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000)
}
