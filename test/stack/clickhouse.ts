import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasClickHouse, startBinary } from './clickhouse-binary.js'
import type { StackOrder, StackReply } from './clickhouse-main.js'

export type ClickHouseStack = {
  readonly url: string
  /** A user who may do everything. */
  readonly user: string
  readonly password: string
  /** `given`: the server of WEIR_TEST_CLICKHOUSE, which is not ours to stop; `binary`: one on the PATH. Only the stand-in can be slowed or locked. */
  readonly kind: 'given' | 'binary' | 'stand-in'
  /** Process id of the stand-in, while it runs. */
  pid(): number | undefined
  /** Ends it and removes its data. May be called twice. */
  stop(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Starts it again on the same data and port, as slow and as locked as it was. */
  restart(): Promise<void>
  /** Every statement that changes something takes so much longer. */
  setDelay(ms: number): Promise<void>
  /** Every statement that changes something is refused (164 READONLY). */
  setReadonly(is_readonly: boolean): Promise<void>
}

export type ClickHouseOptions = {
  /** Every statement that changes something takes so much longer, ms. */
  readonly delay_ms?: number
  /** Uses the stand-in even where there is a server: for tests that slow or lock it. */
  readonly own?: boolean
}

const started_within_ms = 30_000

/**
 * A ClickHouse to test with: the server that WEIR_TEST_CLICKHOUSE names (http://user:password@host:8123), else one of the
 * `clickhouse` on the PATH, else the embedded engine behind our HTTP endpoint in a process of its own. It is the same engine, but without users, Keeper and replication.
 */
export async function startClickHouse(options: ClickHouseOptions = {}): Promise<ClickHouseStack> {
  const address = process.env.WEIR_TEST_CLICKHOUSE
  const needs_stand_in = options.own || options.delay_ms !== undefined
  if (address && !needs_stand_in) return given(new URL(address))
  if (!needs_stand_in && hasClickHouse()) return await startBinary()
  return await standIn(options)
}

function given(address: URL): ClickHouseStack {
  const refuse = async () => {
    throw new Error('the server of WEIR_TEST_CLICKHOUSE is not ours to stop, slow or lock')
  }
  return {
    url: address.origin,
    user: decodeURIComponent(address.username) || 'default',
    password: decodeURIComponent(address.password),
    kind: 'given',
    pid: () => undefined,
    stop: async () => {},
    kill: refuse,
    restart: refuse,
    setDelay: refuse,
    setReadonly: refuse,
  }
}

async function standIn(options: ClickHouseOptions): Promise<ClickHouseStack> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-clickhouse-'))
  const user = 'weir'
  const password = randomUUID()
  const state = { delay_ms: options.delay_ms ?? 0, readonly: false }
  const main = new URL('./clickhouse-main.js', import.meta.url).pathname
  let running: ChildProcess | undefined
  let url = ''

  async function start() {
    const port = url === '' ? '0' : new URL(url).port
    const child = fork(main, [join(folder, 'data'), port, user, password], {
      env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
      execArgv: [],
    })
    running = child
    child.once('exit', () => {
      if (running === child) running = undefined
    })
    const signal = AbortSignal.timeout(started_within_ms)
    const [reply] = (await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the ClickHouse stand-in ended with ${code}`)
      }),
    ])) as [StackReply]
    url = reply.url ?? url
    await order(state)
  }

  async function order(what: StackOrder) {
    Object.assign(state, what)
    if (!running) return
    const answered = once(running, 'message')
    running.send(what)
    await answered
  }

  async function end(signal: NodeJS.Signals) {
    const child = running
    if (!child) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  await start()
  return {
    url,
    user,
    password,
    kind: 'stand-in',
    pid: () => running?.pid,
    async stop() {
      await end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      await start()
    },
    setDelay: (delay_ms) => order({ delay_ms }),
    setReadonly: (readonly) => order({ readonly }),
  }
}
