import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { packageRoot } from '../../core/paths.js'
import { mustRun } from '../must-run.js'
import { debianLibraries, onPath, unpackDebian } from './debian.js'

type RedisOptions = {
  /** Asked of `username`, or of everybody if there is none. */
  readonly password?: string
  /** An ACL user; the default user is shut off then. */
  readonly username?: string
  /** Whether writes are kept in an append-only file, synchronised each second. */
  readonly appendonly?: boolean
}

/** A Redis or Valkey server of a test's own. */
export type Redis = {
  /** `redis://127.0.0.1:<port>`, without user and password. */
  readonly url: string
  readonly port: number
  /** Starts it again on the same port after `stop` or `kill`, or ends it first. */
  restart(options?: { lose_data?: boolean }): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Stops it without an end (SIGSTOP), until it is thawed: connections stay. */
  freeze(is_frozen: boolean): void
  /** Ends it as its operator would; data stay for `restart`. */
  stop(): Promise<void>
  /** Ends it and removes its folder. */
  close(): Promise<void>
}

const PACKAGE = 'redis-server'
const folderOfPackage = join(packageRoot, '.stack', 'redis')
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Why there is no Redis to test with, with what to do; undefined if there is one or it can be fetched. In CI it throws
 * instead: there nothing is skipped.
 */
export function noRedis(): string | undefined {
  const names = ['redis-server', 'valkey-server', 'apt-get']
  if (given() || existsSync(folderOfPackage) || names.some((name) => onPath(name))) return undefined
  const reason = 'no Redis here: install redis-server or valkey-server, or set WEIR_TEST_REDIS to the path of one'
  if (mustRun()) throw new Error(reason)
  return reason
}

/**
 * Starts a server on a free port with a folder of its own: the program that WEIR_TEST_REDIS names, else one on PATH, else
 * Debian's, unpacked below `.stack`. Tests stop, kill and wipe it, so a server that already runs is of no use to them.
 */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { program, env } = await redisProgram()
  const folder = mkdtempSync(join(tmpdir(), 'weir-redis-'))
  const port = await freePort()
  const config = join(folder, 'redis.conf')
  writeFileSync(config, configText(options, folder, port), { mode: 0o600 })
  let child: ChildProcess | undefined

  async function start() {
    child = spawn(program, [config], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    await untilReady(child)
  }
  async function end(signal: NodeJS.Signals) {
    const ending = child
    child = undefined
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill(signal)
    await exited
    running.delete(ending)
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async restart({ lose_data = false } = {}) {
      await end(lose_data ? 'SIGKILL' : 'SIGTERM')
      if (lose_data)
        for (const name of ['appendonlydir', 'dump.rdb']) rmSync(join(folder, name), { recursive: true, force: true })
      await start()
    },
    kill: () => end('SIGKILL'),
    freeze: (is_frozen) => void child?.kill(is_frozen ? 'SIGSTOP' : 'SIGCONT'),
    stop: () => end('SIGTERM'),
    async close() {
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configText({ password, username, appendonly = false }: RedisOptions, folder: string, port: number): string {
  const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'save ""', 'daemonize no']
  lines.push(`appendonly ${appendonly ? 'yes' : 'no'}`, 'appendfsync everysec')
  if (username !== undefined) lines.push('user default off', `user ${username} on ">${password ?? ''}" ~* &* +@all`)
  else if (password !== undefined) lines.push(`requirepass "${password}"`)
  return `${lines.join('\n')}\n`
}

function given(): string | undefined {
  return process.env.WEIR_TEST_REDIS || undefined
}

async function redisProgram(): Promise<{ program: string; env: NodeJS.ProcessEnv }> {
  const installed = given() ?? onPath('redis-server') ?? onPath('valkey-server')
  if (installed) return { program: installed, env: process.env }
  if (!existsSync(folderOfPackage)) {
    await unpackDebian(folderOfPackage, [PACKAGE]).catch((cause) => {
      throw new Error('cannot fetch redis-server with apt-get: install it, or set WEIR_TEST_REDIS to its path', {
        cause,
      })
    })
  }
  const root = join(folderOfPackage, 'root')
  const LD_LIBRARY_PATH = (await debianLibraries(root)).join(delimiter)
  return { program: join(root, 'usr/bin/redis-server'), env: { ...process.env, LD_LIBRARY_PATH } }
}

async function untilReady(child: ChildProcess) {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const heard = (piece: unknown) => {
      output += String(piece)
      if (/Ready to accept connections/.test(output)) resolve()
    }
    child.stdout?.on('data', heard)
    child.stderr?.on('data', heard)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${output}`)))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
