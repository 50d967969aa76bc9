import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { messageOf } from '../../core/errors.js'
import { decodeEndpoint, parseSocketRows, SOCKET_STATE } from '../../ingest/collectors/host/socket-rows.js'
import { type Announcement, findEndpoint } from '../../lake/endpoint/discovery.js'
import type { WeirConfig } from '../config.js'
import { DEFAULT_PORT } from '../sql-endpoint.js'
import { type Check, fail, ok, warn } from './check.js'

const ANSWER_WITHIN_MS = 1_000

/** The ports that `weir up` would listen on: free, Weir's own, or taken by whom. */
export async function checkPorts(config: WeirConfig): Promise<Check[]> {
  const running = findEndpoint(config.data_dir)
  const { host, port } = config.lake
  const sql = await checkPort('SQL port', host, port ?? DEFAULT_PORT, running, (found) =>
    port === undefined
      ? warn('SQL port', `${found}: weir up takes a free one`, 'Nothing; or set lake.port to have the same one always.')
      : fail('SQL port', found, `Stop it, or set lake.port to another port.`),
  )
  const push = Object.entries(config.collectors)
    .filter(([, { type }]) => type === 'http')
    .map(([instance, collector]) =>
      checkPort(`${instance} port`, String(collector.host), Number(collector.port), running, (found) =>
        warn(`${instance} port`, `${found}: nothing can be pushed`, `Stop it, or set collectors.${instance}.port.`),
      ),
    )
  return [sql, ...(await Promise.all(push))]
}

async function checkPort(
  name: string,
  host: string,
  port: number,
  running: Announcement | undefined,
  taken: (found: string) => Check,
): Promise<Check> {
  if (port === 0) return ok(name, `${host}, any free port`)
  const problem = await tryListening(host, port)
  if (problem === undefined) return ok(name, `${host}:${port} is free`)
  if (problem !== 'EADDRINUSE') return taken(`${host}:${port} cannot be listened on (${problem})`)
  const holder = listenerOn(port)
  if (running && holder?.pid === running.pid)
    return ok(name, `${host}:${port} is the running Weir's (process ${running.pid})`)
  return taken(`${host}:${port} is taken by ${holder ? `${holder.name} (process ${holder.pid})` : 'another program'}`)
}

/** Whether a Weir runs on this data folder, and answers. */
export async function checkEndpoint(data_dir: string): Promise<Check> {
  const running = findEndpoint(data_dir)
  if (!running) return ok('running', `no Weir runs on ${data_dir}`)
  const started = performance.now()
  try {
    const answer = await fetch(`${running.url}/ping`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    const took = `${(performance.now() - started).toFixed(0)} ms`
    if (answer.ok) return ok('running', `Weir (process ${running.pid}) answers at ${running.url} in ${took}`)
    return warn(
      'running',
      `${running.url} answers with HTTP ${answer.status}`,
      `Look at the log of process ${running.pid}.`,
    )
  } catch (error) {
    const todo = `Look at process ${running.pid}: if it is not Weir, remove ${data_dir}/endpoint.json.`
    return warn('running', `Weir said it listens at ${running.url}, but it does not answer (${messageOf(error)})`, todo)
  }
}

function tryListening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}

/** The process that listens on the TCP port, as far as this user may know; Linux only. */
function listenerOn(port: number): { pid: number; name: string } | undefined {
  const inodes = new Set(
    ([4, 6] as const).flatMap((version) =>
      parseSocketRows(read(`/proc/net/tcp${version === 4 ? '' : '6'}`), 'tcp', version)
        .filter((row) => row.state === SOCKET_STATE.listen && decodeEndpoint(row.local).port === port)
        .map((row) => `socket:[${row.inode}]`),
    ),
  )
  if (inodes.size === 0) return undefined
  const pid = list('/proc').find(
    (name) => /^\d+$/.test(name) && list(`/proc/${name}/fd`).some((fd) => inodes.has(link(`/proc/${name}/fd/${fd}`))),
  )
  return pid === undefined ? undefined : { pid: Number(pid), name: read(`/proc/${pid}/comm`).trim() }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
