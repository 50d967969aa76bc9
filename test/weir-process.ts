import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { packageRoot } from '../core/paths.js'

/** A `weir up` of its own, started as a user starts it. */
export type WeirProcess = {
  readonly pid: number
  /** `http://127.0.0.1:<port>` of the SQL endpoint. */
  readonly sql_url: string
  /** `http://127.0.0.1:<port>` of the http collector; empty if none is configured. */
  readonly push_url: string
  /** The token of the http collector; empty if none is configured. */
  readonly push_token: string
  /** All it wrote to stdout and stderr: the start screen, a summary every 5 s, its log. */
  output(): string
  /** Memory it holds, and the most it ever held, bytes. */
  memory(): { rss_bytes: number; peak_bytes: number }
  /** Resolves when a query returns a number that is not 0. Fails with `what` after 60 s. */
  until(what: string, query: string): Promise<void>
  /** Has it ended by itself? */
  isGone(): boolean
  /** Rows of a query, as the user `default` of the endpoint. */
  rows<Row>(query: string): Promise<Row[]>
  /** The one number that a query returns. */
  number(query: string): Promise<number>
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** Asks it to stop; resolves with its exit code and how long it took, ms. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; took_ms: number }>
}

const START_WITHIN_MS = 60_000
const UNTIL_WITHIN_MS = 60_000
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts `bin/weir up` with this configuration in a folder (data below `.weir`); resolves when it answers. Throws with its output otherwise. */
export async function startWeir(folder: string, config: object): Promise<WeirProcess> {
  const file = join(folder, 'weir.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ data_dir: join(folder, '.weir'), lake: { port: 0 }, ...config }, null, 2))
  const child = spawn(join(packageRoot, 'bin', 'weir'), ['up', '-c', file], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => {
    running.delete(child)
    return code ?? null
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)))
  await untilReady(child, () => output)

  const sql_url = output.match(/SQL +(http:\S+)/)?.[1] ?? ''
  const push_url = output.match(/POST (http:\S+?)\/ingest/)?.[1] ?? ''
  const token_file = output.match(/with the token in (\S+)/)?.[1]
  const client = createClient({ url: sql_url, request_timeout: 60_000 })
  async function number(query: string) {
    const [row] = await rowsOf<Record<string, number | string>>(client, query)
    return Number(Object.values(row ?? {})[0])
  }
  return {
    pid: child.pid ?? 0,
    sql_url,
    push_url,
    push_token: token_file ? readFileSync(token_file, 'utf8').trim() : '',
    output: () => output,
    memory: () => memoryOf(child.pid ?? 0),
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    rows: (query) => rowsOf(client, query),
    number,
    async until(what, query) {
      for (const deadline = Date.now() + UNTIL_WITHIN_MS; (await number(query)) === 0; await sleep(50)) {
        if (Date.now() > deadline)
          assert.fail(`${what}: not within ${UNTIL_WITHIN_MS} ms
${output}`)
      }
    },
    async kill() {
      await client.close()
      child.kill('SIGKILL')
      await exited
    },
    async stop(signal = 'SIGINT') {
      await client.close()
      const started = performance.now()
      child.kill(signal)
      const code = await exited
      return { code, took_ms: performance.now() - started }
    },
  }
}

async function untilReady(child: ChildProcess, output: () => string) {
  const deadline = Date.now() + START_WITHIN_MS
  // The last line of the start screen: everything before it is there, too.
  while (!/^ *stop +Ctrl-C$/m.test(output())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      assert.fail(`weir up did not start (exit code ${child.exitCode}):\n${output()}`)
    }
    await sleep(20)
  }
}

async function rowsOf<Row>(client: ClickHouseClient, query: string): Promise<Row[]> {
  const result = await client.query({ query, format: 'JSONEachRow' })
  return result.json<Row>()
}

function memoryOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (field: string) => Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))?.[1]) * 1024
  return { rss_bytes: bytes('VmRSS'), peak_bytes: bytes('VmHWM') }
}
