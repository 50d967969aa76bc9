import { z } from 'zod'
import { WeirError } from '../../../core/errors.js'
import type { GcpPubsubConfig } from './config.js'
import { googleTokens } from './token.js'

/** A pull waits at Google for messages; longer than that the connection is dead. */
const PULL_WITHIN_MS = 120_000
const ANSWER_WITHIN_MS = 15_000

const pullSchema = z.looseObject({
  receivedMessages: z
    .array(
      z.looseObject({
        ackId: z.string(),
        message: z.looseObject({ data: z.string().default(''), messageId: z.string() }),
      }),
    )
    .default([]),
})

/** A message as Pub/Sub delivers it. */
export type Received = { readonly ack_id: string; readonly id: string; readonly data: Buffer }

/** A refusal of Pub/Sub; `retry_after_ms` where it said when to come again. */
export type Refusal = WeirError & { retry_after_ms?: number }

/** The three requests that a subscriber makes. */
export type PubsubClient = {
  /** `at_once`: answers also if there is no message. */
  pull(at_once: boolean): Promise<Received[]>
  acknowledge(ack_ids: readonly string[]): Promise<void>
  /** 0 gives messages back. */
  extend(ack_ids: readonly string[], seconds: number): Promise<void>
}

/** A client of one subscription over REST. All requests but the giving back end when `signal` aborts. */
export function pubsubClient(config: GcpPubsubConfig, signal: AbortSignal): PubsubClient {
  const tokens = googleTokens(config)
  const path = `projects/${encodeURIComponent(config.project)}/subscriptions/${encodeURIComponent(config.subscription)}`
  const base = `${config.endpoint.replace(/\/$/, '')}/v1/${path}`

  async function call(method: string, body: object, within_ms: number, ending = signal): Promise<unknown> {
    const both = AbortSignal.any([ending, AbortSignal.timeout(within_ms)])
    const response = await fetch(`${base}:${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokens.access(both)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: both,
    })
    const text = await response.text()
    if (response.ok) return text === '' ? {} : JSON.parse(text)
    if (response.status === 401) tokens.forget()
    throw refusal(response, text, `${method} of ${path}`)
  }

  return {
    async pull(at_once) {
      const body = { maxMessages: config.max_messages, ...(at_once ? { returnImmediately: true } : {}) }
      const answer = pullSchema.parse(await call('pull', body, PULL_WITHIN_MS))
      return answer.receivedMessages.map(({ ackId, message }) => {
        return { ack_id: ackId, id: message.messageId, data: Buffer.from(message.data, 'base64') }
      })
    },
    async acknowledge(ackIds) {
      await call('acknowledge', { ackIds }, ANSWER_WITHIN_MS)
    },
    async extend(ackIds, ackDeadlineSeconds) {
      // Given back when Weir stops, after everything else was aborted.
      const ending = ackDeadlineSeconds === 0 ? AbortSignal.timeout(ANSWER_WITHIN_MS) : signal
      await call('modifyAckDeadline', { ackIds, ackDeadlineSeconds }, ANSWER_WITHIN_MS, ending)
    },
  }
}

function refusal(response: Response, text: string, what: string): Refusal {
  const { status } = response
  const is_passing = status === 429 || status === 401 || status >= 500
  const code = status === 404 ? 'not_found' : status === 403 || status === 401 ? 'forbidden' : 'unreachable'
  const error: Refusal = new WeirError(code, `${what} was answered ${status}: ${said(text)}`, { retryable: is_passing })
  const after_s = Number(response.headers.get('retry-after'))
  if (after_s > 0) error.retry_after_ms = after_s * 1000
  return error
}

function said(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    return String(error?.message ?? text).slice(0, 200)
  } catch {
    return text.slice(0, 200)
  }
}
