import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from './errors.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import type { Attributes, SpanExporter, SpanKind, SpanRecord } from './tracing.js'

export type OtlpTracesOptions = {
  /** The receiver; `/v1/traces` is added to an address without a path. */
  readonly url: string
  /** Sent with every request, such as the receiver's token. */
  readonly headers: Readonly<Record<string, string>>
  /** What the spans come from: `service.name` and the like. */
  readonly resource: Attributes
  readonly log: Log
  readonly metrics: Metrics
}

/** Spans that wait; more are dropped and counted. */
const MAX_WAITING = 4_096
const BATCH = 512
const EVERY_MS = 1_000
const ANSWER_WITHIN_MS = 5_000
/** Waits between the tries of a batch, ms. */
const RETRY_WAITS_MS = [500, 2_000, 5_000]
/** What waits when the process stops is sent once more, for so long, ms. */
const STOP_WITHIN_MS = 2_000

/**
 * Sends spans to an OTLP/HTTP receiver as JSON. A receiver that is away never holds up the work: what it does not take is
 * tried again a few times, then dropped, and counted by reason in `weir_spans_dropped_total`.
 */
export function createOtlpTraces(options: OtlpTracesOptions): SpanExporter {
  const { log, metrics } = options
  const url = new URL(options.url)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  const stopping = new AbortController()
  let waiting: SpanRecord[] = []
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let is_away = false

  function drop(reason: string, n: number) {
    metrics.count('spans_dropped', { reason }, n)
  }

  /** The answer's status, or why there is none. */
  async function post(body: string): Promise<{ status: number; said: string }> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...options.headers, 'content-type': 'application/json' },
        body,
        // A token goes to the configured address and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(stopping.signal.aborted ? STOP_WITHIN_MS : ANSWER_WITHIN_MS),
      })
      return { status: response.status, said: await response.text() }
    } catch (error) {
      return { status: 0, said: messageOf((error as Error).cause ?? error) }
    }
  }

  async function send(spans: readonly SpanRecord[]) {
    const body = JSON.stringify(requestOf(spans, options.resource))
    for (let tries = 0; ; tries++) {
      const { status, said } = await post(body)
      if (status >= 200 && status < 300) {
        if (is_away) log.warn({ url: url.origin }, 'traces are taken again')
        is_away = false
        const rejected = rejectedOf(said)
        drop('refused', rejected)
        return metrics.count('spans', {}, spans.length - rejected)
      }
      if (!is_away)
        log.warn({ url: url.origin, status, said: said.slice(0, 200) }, 'traces are not taken (telemetry.otlp_url)')
      is_away = true
      const may_pass = status === 0 || [408, 429, 502, 503, 504].includes(status)
      const wait_ms = RETRY_WAITS_MS[tries]
      if (!may_pass) return drop('refused', spans.length)
      if (wait_ms === undefined || stopping.signal.aborted) return drop('unreachable', spans.length)
      await sleep(wait_ms, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  async function drain() {
    while (waiting.length > 0) await send(waiting.splice(0, BATCH))
  }

  function flush(): Promise<void> {
    sending ??= drain().finally(() => {
      sending = undefined
    })
    return sending
  }

  return {
    name: 'traces',
    add(span) {
      if (waiting.length >= MAX_WAITING) return drop('queue_full', 1)
      waiting.push(span)
      if (waiting.length >= BATCH) void flush()
    },
    async start() {
      timer = setInterval(() => void flush(), EVERY_MS)
      timer.unref()
    },
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await Promise.race([flush(), sleep(STOP_WITHIN_MS, undefined, { ref: false })])
      drop('stopped', waiting.length)
      waiting = []
    },
  }
}

const KINDS: Record<SpanKind, number> = { internal: 1, producer: 4, consumer: 5 }
const STATUS_ERROR = 2

/** An ExportTraceServiceRequest in the JSON encoding of OTLP: ids in hex, 64-bit numbers as text. */
function requestOf(spans: readonly SpanRecord[], resource: Attributes) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'weir' }, spans: spans.map(spanOf) }],
      },
    ],
  }
}

function spanOf(span: SpanRecord) {
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    ...(span.parent_id === undefined ? {} : { parentSpanId: span.parent_id }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: `${span.start_us}000`,
    endTimeUnixNano: `${span.end_us}000`,
    attributes: attributesOf(span.attributes),
    links: span.links.map(({ trace_id, span_id }) => ({ traceId: trace_id, spanId: span_id })),
    status: span.error === undefined ? {} : { code: STATUS_ERROR, message: span.error },
  }
}

function attributesOf(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** Spans of a request that was taken in part. */
function rejectedOf(answer: string): number {
  try {
    return Number(JSON.parse(answer)?.partialSuccess?.rejectedSpans ?? 0)
  } catch {
    return 0
  }
}
