import { isUtf8 } from 'node:buffer'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { messageOf, WeirError } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector, type RawRecord } from '../contract.js'
import { emitUntilTaken } from '../emit-until-taken.js'
import { type PubsubClient, pubsubClient, type Received, type Refusal } from './gcp_pubsub/client.js'
import { type GcpPubsubConfig, gcpPubsubConfig } from './gcp_pubsub/config.js'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 60_000
/** The shortest deadline a subscription can have is 10 s: by then messages are reserved for longer. */
const FIRST_EXTENSION_MS = 5_000
/** Google lets an empty pull wait; an emulator may answer at once. */
const EMPTY_PULL_MS = 1_000

/** Messages of a Google Cloud Pub/Sub subscription, which log sinks write to. */
export const gcpPubsub = defineCollector({
  name: 'gcp_pubsub',
  summary: 'Pulls a Google Cloud Pub/Sub subscription: audit logs, functions and VPC flow from a log sink.',
  config: gcpPubsubConfig,
  example: { project: 'my-project', subscription: 'weir', format: 'gcp_audit', key_file: '/etc/weir/gcp.json' },
  formats: [],
  create: createGcpPubsub,
})

function createGcpPubsub(config: GcpPubsubConfig, deps: CollectorDeps): Collector {
  const what = `projects/${config.project}/subscriptions/${config.subscription}`
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> | undefined

  /** Resolves when the messages are durable and acknowledged. What is not taken is given back when Weir stops. */
  async function take(client: PubsubClient, messages: readonly Received[]) {
    if (messages.length === 0) return
    const ack_ids = messages.map(({ ack_id }) => ack_id)
    const kept = keepReserved(client, ack_ids)
    try {
      await emitUntilTaken(deps, config.format, messages.map(recordOf), signal)
    } catch (error) {
      await client.extend(ack_ids, 0).catch(() => {})
      throw error
    } finally {
      kept.end()
    }
    await client.acknowledge(ack_ids)
  }

  /** Extends the deadline of messages again and again, so that nobody else gets them while the pipeline is busy. */
  function keepReserved(client: PubsubClient, ack_ids: readonly string[]) {
    const { ack_deadline_s } = config
    let timer: NodeJS.Timeout
    const extend = () => {
      // A failure costs a second delivery at most, and what is delivered twice is stored once.
      client.extend(ack_ids, ack_deadline_s).catch((error: unknown) => {
        deps.log.warn({ instance: deps.instance, error: messageOf(error) }, 'deadline of messages not extended')
      })
      timer = setTimeout(extend, (ack_deadline_s * 1000) / 2)
    }
    timer = setTimeout(extend, FIRST_EXTENSION_MS)
    return { end: () => clearTimeout(timer) }
  }

  function recordOf({ id, data }: Received): RawRecord {
    const position = `${what}:${id}`
    let bytes = data
    try {
      if (data[0] === 0x1f && data[1] === 0x8b) bytes = gunzipSync(data, { maxOutputLength: config.max_message_bytes })
    } catch (error) {
      const detail = `message ${id} begins as gzip: ${messageOf(error)}`
      return { data: data.toString('base64'), position, fault: { reason: 'invalid_gzip', detail } }
    }
    if (bytes.length > config.max_message_bytes) {
      const detail = `message ${id}: ${bytes.length} bytes, at most ${config.max_message_bytes} are read (max_message_bytes)`
      return { data: bytes.toString('latin1', 0, 1_000), position, fault: { reason: 'message_too_large', detail } }
    }
    if (isUtf8(bytes)) return { data: bytes.toString('utf8'), position }
    const detail = `message ${id} is not UTF-8; kept as base64`
    return { data: bytes.toString('base64'), position, fault: { reason: 'invalid_utf8', detail } }
  }

  async function keepPulling(client: PubsubClient, first: readonly Received[]) {
    let wait_ms = FIRST_RETRY_MS
    let is_down = false
    let waiting: readonly Received[] | undefined = first
    while (!signal.aborted) {
      try {
        const began_ms = performance.now()
        const messages = waiting ?? (await client.pull(false))
        waiting = undefined
        await take(client, messages)
        if (is_down) deps.coverage({ status: 'ok', message: `${what} is read again.` })
        is_down = false
        wait_ms = FIRST_RETRY_MS
        if (messages.length > 0) continue
        await pause(Math.max(0, EMPTY_PULL_MS - (performance.now() - began_ms)))
      } catch (error) {
        if (signal.aborted) return
        if (!is_down) {
          deps.coverage({ status: 'unavailable', message: `${what} cannot be read: ${messageOf(error)}.` })
        }
        is_down = true
        await pause((error as Refusal).retry_after_ms ?? wait_ms)
        wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)
      }
    }
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})

  return {
    async start() {
      const client = pubsubClient(config, signal)
      // The first pull tells a wrong setting at once; what passes is waited for in the background.
      const first = await client.pull(true).catch((error: unknown) => {
        if (error instanceof WeirError && !error.retryable) throw wrongSetting(error)
        return []
      })
      running = keepPulling(client, first)
    },
    async stop() {
      stopping.abort()
      await running
      running = undefined
    },
    describe: () => `${what} as ${config.format}`,
  }

  function wrongSetting(cause: WeirError): WeirError {
    if (cause.code === 'config_invalid') return cause
    return new WeirError('config_invalid', `${what} cannot be read: ${messageOf(cause)}`, {
      hint: `Check project, subscription and key_file of collectors.${deps.instance}; the account needs the role Pub/Sub Subscriber.`,
      cause,
    })
  }
}
