import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDockerApi, type DockerApi } from '../core/docker-api.js'
import { type DockerConnection, dockerConnection } from '../core/docker-connection.js'
import { busyboxImage } from '../demo/docker-image.js'
import { canFindDocker, type DockerBinaries, dockerBinaries } from './docker-binaries.js'
import { processesOf, sweepEngine } from './docker-cleanup.js'
import { mustRun } from './must-run.js'

/** A Docker engine of our own: nothing is shared with an engine that runs on this machine already. */
export type DockerRig = {
  readonly api: DockerApi
  /** How components under test reach it. */
  readonly connection: DockerConnection
  /** The image with busybox in /bin, which is there from the start. */
  readonly image: string
  /** The port of 127.0.0.1 where it listens without protection, if asked for. */
  readonly tcp_port: number | undefined
  /** Process id of dockerd. */
  pid(): number
  /** Creates and starts a container; resolves with its id. `body` is merged into the create call. */
  run(name: string, command: readonly string[], body?: object): Promise<string>
  /** Runs a command in a container; resolves with its exit code. */
  exec(container: string, command: readonly string[]): Promise<number>
  /** Creates a bridge network; resolves with its id. */
  network(name: string, options?: object): Promise<string>
  /** Ends the engine and starts it again on the same data; containers end with it. */
  restart(): Promise<void>
  /** Ends everything that was started and removes every trace. May be called twice. */
  stop(): Promise<void>
}

const PREFIX = 'weir-docker-'

/**
 * Why real containers cannot be started here, in one line for `skip`; false if they can. In CI (`CI=true`) it is
 * always false, so that a missing engine is a failure there.
 */
export function noDocker(): string | false {
  if (mustRun()) return false
  if (process.platform !== 'linux')
    return 'needs Linux to start a Docker engine of its own: run these tests in a Linux VM'
  if (process.getuid?.() !== 0) return 'needs root to start a Docker engine of its own: run `sudo npm test`'
  if (!canFindDocker())
    return 'needs dockerd and a static busybox on PATH, or apt-get to fetch them: install Docker and busybox'
  return false
}

/** Starts a private engine; resolves when it answers. Throws with the end of its log when it does not start. */
export async function startDocker(options: { readonly tcp?: boolean } = {}): Promise<DockerRig> {
  await sweepStale()
  const binaries = await dockerBinaries()
  const folder = mkdtempSync(join(tmpdir(), PREFIX))
  writeFileSync(join(folder, 'owner'), String(process.pid))
  const socket = join(folder, 'engine.sock')
  const connection = dockerConnection.parse({ address: `unix://${socket}`, timeout_ms: 60_000 })
  const api = createDockerApi(connection)
  const tcp_port = options.tcp ? await freePort() : undefined
  let engine: ChildProcess | undefined

  async function start() {
    engine = launch(binaries, folder, tcp_port)
    const failed = new Promise<never>((_, reject) => {
      engine?.once('error', reject)
      engine?.once('exit', (code) => reject(new Error(`dockerd ended with ${code}:\n${tail(folder)}`)))
    })
    failed.catch(() => {})
    await Promise.race([answers(api, folder), failed])
  }

  async function end() {
    const process = engine
    engine = undefined
    if (!process || process.exitCode !== null || process.signalCode !== null) return
    const exited = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGTERM')
    const timer = setTimeout(() => process.kill('SIGKILL'), 20_000)
    await exited
    clearTimeout(timer)
  }

  async function stop() {
    if (engine) await removeAll(api).catch(() => {})
    await end()
    api.close()
    await sweepEngine(folder)
    const left = processesOf(folder)
    if (left.length > 0) throw new Error(`processes of ${folder} are left: ${left.join(', ')}`)
  }

  try {
    await start()
    const image = await busyboxImage(api, binaries.busybox)
    return {
      api,
      connection,
      image,
      tcp_port,
      stop,
      pid: () => engine?.pid ?? 0,
      async restart() {
        await end()
        await start()
      },
      async run(name, command, body = {}) {
        const created = await api.request('POST', '/containers/create', {
          query: { name },
          body: { Image: image, Cmd: command, StopTimeout: 1, ...body },
        })
        await api.request('POST', `/containers/${created.Id}/start`)
        return created.Id
      },
      async network(name, more = {}) {
        return (await api.request('POST', '/networks/create', { body: { Name: name, Driver: 'bridge', ...more } })).Id
      },
      exec: (container, command) => execIn(api, container, command),
    }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

function launch(binaries: DockerBinaries, folder: string, tcp_port: number | undefined): ChildProcess {
  // A pool of our own, so that two engines on one machine do not hand out the same addresses.
  const pool = `10.${200 + (process.pid % 50)}.${Math.floor(Math.random() * 16) * 16}.0/20`
  const args = [
    `--host=unix://${join(folder, 'engine.sock')}`,
    ...(tcp_port === undefined ? [] : [`--host=tcp://127.0.0.1:${tcp_port}`, '--tls=false']),
    `--data-root=${join(folder, 'data')}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'pid')}`,
    `--config-file=${join(folder, 'daemon.json')}`,
    `--default-address-pool=base=${pool},size=24`,
    // The machine's firewall, routes and default bridge stay as they are; containers on one bridge reach each other without.
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    '--userland-proxy=false',
    '--shutdown-timeout=2',
  ]
  writeFileSync(join(folder, 'daemon.json'), '{}')
  const child = spawn(binaries.dockerd, args, { env: binaries.env, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(join(folder, 'log'), { flags: 'a' })
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  child.once('close', () => log.end())
  return child
}

async function answers(api: DockerApi, folder: string): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      await api.request('GET', '/_ping')
      return
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`dockerd did not answer in 60 s:\n${tail(folder)}`, { cause: error })
    }
    await sleep(50)
  }
}

async function execIn(api: DockerApi, container: string, command: readonly string[]): Promise<number> {
  const { Id } = await api.request('POST', `/containers/${container}/exec`, { body: { Cmd: command } })
  await api.request('POST', `/exec/${Id}/start`, { body: { Detach: true } })
  for (let wait_ms = 20; ; wait_ms = Math.min(wait_ms * 2, 200)) {
    const state = await api.request('GET', `/exec/${Id}/json`)
    if (!state.Running && state.ExitCode !== null) return state.ExitCode
    await sleep(wait_ms)
  }
}

/** Containers first, then the networks, so that no bridge stays on the machine. */
async function removeAll(api: DockerApi): Promise<void> {
  const containers = await api.request('GET', '/containers/json', { query: { all: true } })
  for (const { Id } of containers) await api.request('DELETE', `/containers/${Id}`, { query: { force: true, v: true } })
  await api.request('POST', '/networks/prune')
}

/** Engines of test processes that were killed before they could clean up. */
async function sweepStale(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const owner = join(tmpdir(), name, 'owner')
    if (name.startsWith(PREFIX) && existsSync(owner) && !existsSync(`/proc/${readFileSync(owner, 'utf8')}`)) {
      await sweepEngine(join(tmpdir(), name))
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

function tail(folder: string): string {
  const log = join(folder, 'log')
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-15).join('\n') : 'no log'
}
