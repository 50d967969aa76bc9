// bus: kafkajs alone (produce, then consume with no work) and our bus (publish to subscribe). What messages in 1,000s over 64
// partitions cost when they are not grouped: --part bus --only none --partitions 64 --call 1000.
// pipeline: ingest -> Kafka -> store -> lake, with detect, a process each; kafkajs alone and `weir up` beside them.
// response: event -> finding -> job -> action, with Redis (AOF, everysec).
// What belongs together is interleaved in rounds; medians of the rounds, ratios paired inside a round.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { kafkaConfig } from '../bus/kafka-config.js'
import { openKafka } from '../bus/kafka-connection.js'
import type { Message } from '../bus/port.js'
import { createLog } from '../core/log.js'
import { packageRoot } from '../core/paths.js'
import { startKafka } from '../test/stack/kafka.js'
import { benchEvents } from './events.js'
import { alone, type Compression, ours, type Result } from './kafka-bus.js'
import { bodiesOf, embeddedFlow, type Flow, startLarge } from './kafka-pipeline.js'
import { responseTimes, type Times } from './kafka-response.js'

const values = new Command('npm run bench:kafka --')
  .description('Measures the large size on a Kafka and a Redis that it starts itself, in about ten minutes.')
  .option('--json', 'the same facts for machines')
  .option('--part <name>', 'bus, pipeline or response', '')
  .option('--events <n>', 'events in a round', '100000')
  .option('--rounds <n>', 'rounds, of which the medians count', '3')
  .option('--partitions <n>', 'of a topic', '12')
  .option('--call <n>', 'messages published at once, as the intake does', '512')
  .option('--only <regex>', 'of the bus, what has this in its name', '')
  .option('--rate <n>', 'events a second that responses are measured at', '10000')
  .option('--seconds <n>', 'how long responses are measured', '30')
  .option('--write-baseline', 'replace bench/baseline-kafka.json by what is measured')
  .parse()
  .opts()
const events = Number(values.events)
const rounds = Number(values.rounds)
const partitions = Number(values.partitions)
const call = Number(values.call)
/** Part of the name of what depends on it: figures of other settings are no baseline. */
const over = `${partitions} partitions`
const layout = `${over}, calls of ${call}`
const baselineFile = join(packageRoot, 'bench', 'baseline-kafka.json')
/** Below this there is nothing to learn of a machine that cannot keep the rate asked for. */
const LEAST_RATE = 500

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
const say = (text: string) => process.stderr.write(`${text}\n`)
const wants = (part: string) => values.part === '' || values.part === part

/** What was measured, by name, as it is written to the baseline. */
const measured: Record<string, number> = {}
function note(name: string, value: number, digits = 0) {
  measured[name] = Number(value.toFixed(digits))
}

function messagesOf(count: number): Message[] {
  const timestamp = Date.now()
  return Array.from(benchEvents(count), (value) => ({ key: value.workload?.uid ?? '', value, timestamp }))
}

function clientOf(brokers: readonly string[]) {
  return openKafka(kafkaConfig.parse({ brokers }), { log: createLog('silent'), setting: 'bench' })
}

async function bus() {
  const messages = messagesOf(events)
  const results = new Map<string, Result[]>()
  const kafka = await startKafka({ own: true })
  const { brokers } = kafka
  const client = clientOf(brokers)
  try {
    const compressions: readonly Compression[] = ['none', 'lz4', 'gzip']
    const cases = compressions.flatMap((compression) => [
      {
        name: `kafkajs alone, scattered keys, ${compression}`,
        run: () => alone(client, messages, { compression, partitions, call, grouped: false }),
      },
      {
        name: `kafkajs alone, one partition a call, ${compression}`,
        run: () => alone(client, messages, { compression, partitions, call, grouped: true }),
      },
      {
        name: `our bus with JSON, ${compression}`,
        run: () => ours(brokers, messages, { compression, partitions, call }),
      },
    ])
    const chosen = cases.filter(({ name }) => new RegExp(values.only).test(name))
    // Compiles the code and warms the broker.
    await alone(client, messages.slice(0, 20_000), { compression: 'none', partitions, call, grouped: false })
    for (let round = 0; round < rounds; round++) {
      for (const { name, run } of chosen) results.set(name, [...(results.get(name) ?? []), await run()])
    }
  } finally {
    await kafka.stop()
  }
  for (const [name, list] of results) {
    note(`${name}, ${layout}: publish/s`, median(list.map((result) => result.produce_per_s)))
    note(`${name}, ${layout}: consume/s`, median(list.map((result) => result.consume_per_s)))
    note(`${name}, ${layout}: CPU to publish, us`, median(list.map((result) => result.publish_cpu_us)), 1)
  }
  const scattered = results.get('kafkajs alone, scattered keys, none') ?? []
  const grouped = results.get('kafkajs alone, one partition a call, none') ?? []
  if (scattered.length > 0 && grouped.length > 0) {
    const ratios = grouped.map((result, n) => result.consume_per_s / (scattered[n]?.consume_per_s ?? Number.NaN))
    note(`consume, one partition a call / scattered, none, ${layout}`, median(ratios), 2)
  }
}

async function pipeline() {
  const taken: { alone: number; large: Flow; small: Flow }[] = []
  const messages = messagesOf(events)
  const large = await startLarge(partitions)
  try {
    const client = clientOf(large.brokers)
    // A round that does not count: code is compiled, connections are made.
    await alone(client, messages.slice(0, 20_000), { compression: 'lz4', partitions, call, grouped: false })
    await large.flow(bodiesOf(20_000, 1_000), 20_000)
    for (let round = 0; round < rounds; round++) {
      const bodies = bodiesOf(events, round + 2)
      const plain = await alone(client, messages, { compression: 'lz4', partitions, call, grouped: false })
      const both = 1 / (1 / plain.produce_per_s + 1 / plain.consume_per_s)
      const at = { alone: both, large: await large.flow(bodies, events), small: await embeddedFlow(bodies, events) }
      taken.push(at)
      say(
        `round ${round + 1}: kafkajs alone ${Math.round(at.alone)}, through Kafka ${Math.round(at.large.per_s)}, embedded ${Math.round(at.small.per_s)} events/s`,
      )
    }
  } finally {
    await large.close()
  }
  note(`kafkajs alone, produce then consume, lz4, ${layout}: events/s`, median(taken.map((at) => at.alone)))
  note(`ingest -> Kafka -> store -> lake, and detect, ${over}: events/s`, median(taken.map(({ large }) => large.per_s)))
  note('weir up, embedded: events/s', median(taken.map(({ small }) => small.per_s)))
  note(`through Kafka / kafkajs alone, ${over}`, median(taken.map((at) => at.large.per_s / at.alone)), 2)
  note(`through Kafka / embedded, ${over}`, median(taken.map((at) => at.large.per_s / at.small.per_s)), 2)
  for (const name of Object.keys(taken[0]?.large.cpu_us ?? {})) {
    note(`CPU of ${name}, ${over}, us an event`, median(taken.map(({ large }) => large.cpu_us[name] ?? 0)))
  }
  note('CPU of weir up, us an event', median(taken.map(({ small }) => small.cpu_us['weir up'] ?? 0)))
}

/** At the rate asked for; on a machine that cannot keep it, at the half of it, and so on. */
async function response() {
  const asked = Number(values.rate)
  const least = Math.min(asked, LEAST_RATE)
  for (let rate = asked; rate >= least; rate /= 2) {
    const times: Times = await responseTimes(rate, Number(values.seconds))
    const { finding_stored, job_started, action_stored } = times
    say(`${rate} events/s asked for: ${JSON.stringify(times)}`)
    if (!times.kept_up) continue
    note('responses measured at, events/s', times.measured_per_s)
    note('responses measured', times.attacks)
    for (const [what, { p50, p99 }] of Object.entries({ finding_stored, job_started, action_stored })) {
      note(`event sent -> ${what.replace('_', ' ')}, p50 ms`, p50)
      note(`event sent -> ${what.replace('_', ' ')}, p99 ms`, p99)
    }
    return
  }
  say(`response: no rate from ${asked} down to ${least} events/s was kept; what was measured at each is above`)
}

if (wants('bus')) await bus()
if (wants('pipeline')) await pipeline()
if (wants('response')) await response()

const baseline: Record<string, number> = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : {}
if (values.writeBaseline) {
  writeFileSync(baselineFile, `${JSON.stringify({ ...baseline, ...measured }, null, 2)}\n`)
}
if (values.json) process.stdout.write(`${JSON.stringify({ events, rounds, partitions, call, measured })}\n`)
else {
  for (const [name, value] of Object.entries(measured)) {
    const before = baseline[name] === undefined ? '' : `   (baseline ${baseline[name]})`
    process.stdout.write(`${name.padEnd(96)}${String(value).padStart(10)}${before}\n`)
  }
}
process.exit(0)
