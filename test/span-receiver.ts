import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** A span as it came, and the resource that it came from. */
export type ReceivedSpan = {
  readonly name: string
  readonly trace_id: string
  readonly span_id: string
  readonly parent_id: string | undefined
  readonly links: readonly string[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly process: string
  readonly error: string | undefined
  readonly took_ms: number
}

export type SpanReceiver = {
  readonly url: string
  readonly spans: ReceivedSpan[]
  /** `authorization` of every request. */
  readonly tokens: (string | undefined)[]
  /** Requests that were answered. */
  requests(): number
  /** What is answered from now on. */
  answer(status: number): void
  close(): Promise<void>
}

const id = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`))
const nanos = z.string().regex(/^\d{19}$/)
const attributes = z.array(
  z.strictObject({
    key: z.string().min(1),
    value: z.union([
      z.strictObject({ stringValue: z.string() }),
      z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
      z.strictObject({ doubleValue: z.number() }),
      z.strictObject({ boolValue: z.boolean() }),
    ]),
  }),
)
/** ExportTraceServiceRequest of opentelemetry-proto in its JSON encoding, as far as Weir fills it. Anything else is refused. */
const exported = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: id(32),
              spanId: id(16),
              parentSpanId: id(16).optional(),
              name: z.string().min(1),
              kind: z.int().min(1).max(5),
              startTimeUnixNano: nanos,
              endTimeUnixNano: nanos,
              attributes,
              links: z.array(z.strictObject({ traceId: id(32), spanId: id(16) })),
              status: z.strictObject({ code: z.literal(2).optional(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
})

const plain = (list: z.output<typeof attributes>) =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))

/** A receiver of traces: POST /v1/traces, application/json. */
export async function startSpanReceiver(): Promise<SpanReceiver> {
  const spans: ReceivedSpan[] = []
  const tokens: (string | undefined)[] = []
  let status = 200
  let requests = 0

  function take(body: string) {
    for (const { resource, scopeSpans } of exported.parse(JSON.parse(body)).resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({
          name: span.name,
          trace_id: span.traceId,
          span_id: span.spanId,
          parent_id: span.parentSpanId,
          links: span.links.map(({ spanId }) => spanId),
          attributes: plain(span.attributes),
          process: String(plain(resource.attributes)['service.instance.id']),
          error: span.status.message,
          took_ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        })
      }
    }
  }

  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    requests += 1
    tokens.push(request.headers.authorization)
    const isFor = request.url === '/v1/traces' && request.headers['content-type'] === 'application/json'
    if (!isFor || status !== 200) return response.writeHead(isFor ? status : 404).end()
    try {
      take(Buffer.concat(pieces).toString())
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
    } catch (error) {
      response.writeHead(400).end(String(error))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    tokens,
    requests: () => requests,
    answer(next) {
      status = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
