import { openKafka } from '../../bus/kafka-connection.js'
import { kafkaError } from '../../bus/kafka-errors.js'
import type { WeirError } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { type KafkaCollectorConfig, kafkaCollectorConfig } from './kafka/config.js'
import { readTopics } from './kafka/reader.js'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** Brokers that are just starting are waited for so long. */
const CONNECT_WITHIN_MS = 6_000

/** Reads topics that other programs write. */
export const kafka = defineCollector({
  name: 'kafka',
  summary:
    'Reads topics of other programs: Falcosidekick, Fluent Bit, Vector, Azure Event Hubs over its Kafka endpoint.',
  config: kafkaCollectorConfig,
  example: { brokers: ['kafka.example.com:9092'], topics: ['falco'], format: 'falco' },
  formats: [],
  create: createKafka,
})

function createKafka(config: KafkaCollectorConfig, deps: CollectorDeps): Collector {
  const setting = `collectors.${deps.instance}`
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  let problem: WeirError | undefined

  const fault = (error: unknown) =>
    kafkaError(error, setting, config.brokers, `read ${config.topics.join(', ')} as group ${config.group}`)

  /** One client after the other, until stopped. */
  async function keepReading(client: ReturnType<typeof openKafka>, onFirst: (error?: unknown) => void) {
    let wait_ms = FIRST_RETRY_MS
    let is_down = false
    while (!stopping.signal.aborted) {
      const error = await readTopics(client, config, deps, stopping.signal, () => {
        onFirst()
        wait_ms = FIRST_RETRY_MS
        problem = undefined
        if (is_down) deps.coverage({ part: 'brokers', status: 'ok', message: 'Kafka answers again.' })
        is_down = false
      })
      if (stopping.signal.aborted) return
      problem = fault(error)
      if (!problem.retryable) onFirst(problem)
      if (!is_down) {
        deps.coverage({
          part: 'brokers',
          status: 'unavailable',
          message: `Nothing is read from Kafka: ${problem.message}.`,
        })
      }
      is_down = true
      await pause(wait_ms, stopping.signal)
      wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)
    }
  }

  return {
    async start() {
      const client = openKafka(config, { log: deps.log, setting })
      let onFirst: (error?: unknown) => void = () => {}
      const first = new Promise<void>((resolve, reject) => {
        onFirst = (error) => (error === undefined ? resolve() : reject(error))
      })
      running = keepReading(client, onFirst)
      const late = new AbortController()
      const slow = pause(CONNECT_WITHIN_MS, late.signal)
      try {
        await Promise.race([first, slow])
        if (problem) throw problem
      } catch (error) {
        stopping.abort()
        await running
        throw error
      } finally {
        late.abort()
      }
    },
    async stop() {
      stopping.abort()
      await running
      running = undefined
    },
    describe: () => `${config.topics.join(', ')} at ${config.brokers.join(', ')} as ${config.format}`,
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
