import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { packageRoot } from '../core/paths.js'
import type { PushTarget } from './push.js'
import { type ClickHouseStack, startClickHouse } from './stack/clickhouse.js'
import { type Kafka, startKafka } from './stack/kafka.js'
import type { KafkaOptions } from './stack/kafka-properties.js'
import { type Redis, startRedis } from './stack/redis.js'

/** `/ready` of a process. */
export type Ready = {
  readonly status: number
  readonly dependencies: { readonly name: string; readonly ok: boolean; readonly message: string }[]
}

/** One `weir run <role...>`, started as a user starts it. */
export type WeirNode = PushTarget & {
  readonly name: string
  readonly pid: number
  /** `http://127.0.0.1:<port>` of /health, /ready and /metrics. */
  readonly url: string
  /** All it wrote to stdout and stderr. */
  output(): string
  ready(): Promise<Ready>
  /** Resolves when /ready answers 200, or (`of`) when that dependency is named as not working. Fails after `within_ms`. */
  untilReady(within_ms?: number): Promise<void>
  untilNotReady(of: string, within_ms?: number): Promise<string>
  /** Sum of a metric over all label sets that contain `labels`; 0 if there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
  /** Resolves when a metric is at least so much. */
  untilMetric(name: string, labels: Record<string, string>, value: number, within_ms?: number): Promise<void>
  /** Has it ended by itself? */
  isGone(): boolean
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** Asks it to stop; resolves with its exit code. */
  stop(): Promise<number | null>
}

/** How a process ended. */
export type Ended = { readonly code: number | null; readonly output: string; readonly took_ms: number }

export type ClusterOptions = {
  /** Partitions of each topic. Default 8. */
  readonly partitions?: number
  /** Whether there is a Redis. Default true. */
  readonly redis?: boolean
  /** A broker that asks who one is, or speaks TLS: then `changes` have to say how to connect. */
  readonly kafka?: KafkaOptions
  /** Settings of every process. */
  readonly config?: Record<string, unknown>
}

/** Broker, lake server, Redis, and as many processes of Weir as are asked for. */
export type Cluster = {
  readonly folder: string
  readonly kafka: Kafka
  readonly clickhouse: ClickHouseStack
  readonly redis: Redis | undefined
  /** The configuration of every process; `changes` are merged into its top level and, one level deep, into bus, lake, jobs. */
  config(changes?: Record<string, unknown>): Record<string, unknown>
  /** Starts a process of these roles; resolves when it runs (not: when it is ready). */
  start(roles: readonly string[], changes?: Record<string, unknown>): Promise<WeirNode>
  /** Starts a process that is expected to end by itself. `exact`: the changes are the whole configuration. */
  runToEnd(roles: readonly string[], changes?: Record<string, unknown>, options?: { exact?: boolean }): Promise<Ended>
  /** Rows of a query in the lake. */
  rows<Row>(query: string): Promise<Row[]>
  /** A statement that returns nothing. */
  command(query: string): Promise<void>
  /** The one number that a query returns. */
  number(query: string): Promise<number>
  /** Resolves when a query returns a number that is not 0. */
  until(what: string, query: string, within_ms?: number): Promise<void>
  /** kill -9 of every process that still runs, then everything else; removes all files. */
  close(): Promise<void>
}

const START_WITHIN_MS = 60_000
const UNTIL_WITHIN_MS = 60_000
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts broker, lake server and Redis on free ports with folders of their own. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-cluster-'))
  const [kafka, clickhouse, redis] = await Promise.all([
    startKafka({ ...options.kafka, own: true }),
    startClickHouse({ own: true }),
    options.redis === false ? undefined : startRedis(),
  ])
  const nodes = new Set<WeirNode>()
  const database = `weir_${randomUUID().slice(0, 8)}`
  const { user, password } = clickhouse
  let client: ClickHouseClient | undefined
  let count = 0

  const defaults: Record<string, unknown> = {
    http: { port: 0 },
    log_level: 'info',
    collectors: { push: { type: 'http', port: 0 } },
    bus: { kafka: { brokers: kafka.brokers, partitions: options.partitions ?? 8, session_timeout_ms: 6_000 } },
    lake: { url: clickhouse.url, user, password, database },
    jobs: redis ? { redis: { url: redis.url } } : {},
    ...options.config,
  }

  function config(changes: Record<string, unknown> = {}) {
    const merged = { ...defaults, ...changes }
    for (const name of ['bus', 'lake', 'jobs']) {
      merged[name] = deepMerged(defaults[name], changes[name])
    }
    return merged
  }

  function prepare(roles: readonly string[], changes: Record<string, unknown> | undefined, isExact = false) {
    const name = `${roles.join('-')}-${++count}`
    const place = join(folder, name)
    mkdirSync(place)
    const file = join(place, 'weir.yaml')
    // JSON is YAML.
    writeFileSync(
      file,
      JSON.stringify({ data_dir: join(place, '.weir'), ...(isExact ? changes : config(changes)) }, null, 2),
    )
    return { name, place, args: ['run', ...roles, '-c', file, '--no-summary'] }
  }

  function connect() {
    client ??= createClient({ url: clickhouse.url, username: user, password, database, request_timeout: 60_000 })
    return client
  }

  async function rows<Row>(query: string): Promise<Row[]> {
    const result = await connect().query({ query, format: 'JSONEachRow' })
    return result.json<Row>()
  }

  async function number(query: string) {
    const [row] = await rows<Record<string, number | string>>(query)
    return Number(Object.values(row ?? {})[0])
  }

  return {
    folder,
    kafka,
    clickhouse,
    redis,
    config,
    async start(roles, changes) {
      const { name, place, args } = prepare(roles, changes)
      const node = await startNode(name, place, args)
      nodes.add(node)
      return node
    },
    async runToEnd(roles, changes, { exact } = {}) {
      const { place, args } = prepare(roles, changes, exact)
      return runToEnd(place, args)
    },
    rows,
    async command(query) {
      await connect().command({ query })
    },
    number,
    async until(what, query, within_ms = UNTIL_WITHIN_MS) {
      for (const deadline = Date.now() + within_ms; (await number(query)) === 0; await sleep(100)) {
        if (Date.now() > deadline) {
          const said = [...nodes].map((node) => `--- ${node.name}\n${node.output().slice(-4_000)}`).join('\n')
          assert.fail(`${what}: not within ${within_ms} ms\n${said}`)
        }
      }
    },
    async close() {
      await Promise.all([...nodes].map((node) => node.kill()))
      await client?.close()
      await Promise.all([kafka.stop(), clickhouse.stop(), redis?.close()])
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

function deepMerged(base: unknown, changes: unknown): unknown {
  if (!isObject(base) || !isObject(changes)) return changes === undefined ? base : changes
  const keys = new Set([...Object.keys(base), ...Object.keys(changes)])
  return Object.fromEntries([...keys].map((key) => [key, deepMerged(base[key], changes[key])]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function spawnWeir(place: string, args: readonly string[]) {
  const child = spawn(join(packageRoot, 'bin', 'weir'), args, {
    cwd: place,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)))
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => {
    running.delete(child)
    return code ?? null
  })
  return { child, exited, output: () => output }
}

async function runToEnd(place: string, args: readonly string[]): Promise<Ended> {
  const started = performance.now()
  const { child, exited, output } = spawnWeir(place, args)
  const late = setTimeout(() => child.kill('SIGKILL'), START_WITHIN_MS)
  const code = await exited
  clearTimeout(late)
  return { code, output: output(), took_ms: performance.now() - started }
}

async function startNode(name: string, place: string, args: readonly string[]): Promise<WeirNode> {
  const { child, exited, output } = spawnWeir(place, args)
  const deadline = Date.now() + START_WITHIN_MS
  // The last line of the start screen: everything before it is there, too.
  while (!/^ *stop +Ctrl-C$/m.test(output())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      assert.fail(`weir ${args.join(' ')} did not start (exit code ${child.exitCode}):\n${output()}`)
    }
    await sleep(20)
  }
  const url = output().match(/(http:\S+)\/ready/)?.[1] ?? ''
  const token_file = output().match(/with the token in (\S+)/)?.[1]

  async function ready(): Promise<Ready> {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(10_000) })
    const { dependencies } = (await response.json()) as Ready
    return { status: response.status, dependencies }
  }
  async function metric(metric: string, labels: Record<string, string> = {}): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text()
    return sumOf(text, metric, labels)
  }
  async function untilState(what: string, within_ms: number, holds: (state: Ready) => boolean): Promise<Ready> {
    for (const end = Date.now() + within_ms; ; await sleep(100)) {
      const state = await ready()
      if (holds(state)) return state
      const said = `${JSON.stringify(state, null, 2)}\n${output().slice(-4_000)}`
      if (Date.now() > end) assert.fail(`${name}: not ${what} within ${within_ms} ms\n${said}`)
    }
  }

  return {
    name,
    pid: child.pid ?? 0,
    url,
    push_url: output().match(/POST (http:\S+?)\/ingest/)?.[1] ?? '',
    push_token: token_file ? readFileSync(token_file, 'utf8').trim() : '',
    output,
    ready,
    async untilReady(within_ms = UNTIL_WITHIN_MS) {
      await untilState('ready', within_ms, ({ status }) => status === 200)
    },
    async untilNotReady(of, within_ms = UNTIL_WITHIN_MS) {
      const isOut = ({ status, dependencies }: Ready) =>
        status === 503 && dependencies.some((one) => one.name === of && !one.ok)
      const { dependencies } = await untilState(`without ${of}`, within_ms, isOut)
      return dependencies.find((one) => one.name === of)?.message ?? ''
    },
    metric,
    async untilMetric(what, labels, value, within_ms = UNTIL_WITHIN_MS) {
      for (const end = Date.now() + within_ms; ; await sleep(100)) {
        const found = await metric(what, labels)
        if (found >= value) return
        if (Date.now() > end) assert.fail(`${name}: ${what} is ${found}, not ${value}\n${output().slice(-4_000)}`)
      }
    },
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGINT')
      return exited
    },
  }
}

function sumOf(text: string, metric: string, labels: Record<string, string>): number {
  let sum = 0
  for (const line of text.split('\n')) {
    const [, name, found = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name !== metric) continue
    if (Object.entries(labels).every(([key, wanted]) => found.includes(`${key}="${wanted}"`))) sum += Number(value)
  }
  return sum
}
