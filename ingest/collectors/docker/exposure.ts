import { readdirSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { readText } from '../host/procfs.js'
import { decodeEndpoint, isUnspecified, parseSocketRows, SOCKET_STATE } from '../host/socket-rows.js'

/** A TCP address where a Docker engine may answer. */
export type Candidate = { readonly ip: string; readonly port: number; readonly evidence: string }

/** What an address answered to somebody who shows no certificate. */
export type Probe = 'open' | 'open_tls' | 'closed'

/**
 * The addresses on which the engines of this machine listen, by /proc below `root`. `denied` names processes whose
 * descriptors this user may not read: their addresses are unknown.
 */
export function listeningEngines(root: string): { candidates: Candidate[]; denied: number[] } {
  const candidates: Candidate[] = []
  const denied: number[] = []
  for (const pid of engineProcesses(root)) {
    const inodes = socketInodes(join(root, 'proc', String(pid), 'fd'))
    if (!inodes) denied.push(pid)
    else candidates.push(...listening(root, pid, inodes))
  }
  return { candidates, denied }
}

function engineProcesses(root: string): number[] {
  return readdirSync(join(root, 'proc'))
    .filter((name) => /^\d+$/.test(name) && readText(join(root, 'proc', name, 'comm'))?.trim() === 'dockerd')
    .map(Number)
}

function listening(root: string, pid: number, inodes: ReadonlySet<string>): Candidate[] {
  return ([4, 6] as const).flatMap((version) => {
    const table = readText(join(root, 'proc', String(pid), 'net', version === 4 ? 'tcp' : 'tcp6')) ?? ''
    return parseSocketRows(table, 'tcp', version)
      .filter((row) => row.state === SOCKET_STATE.listen && inodes.has(row.inode))
      .map((row) => ({ ...decodeEndpoint(row.local), evidence: `dockerd (process ${pid}) listens there.` }))
  })
}

/** Sockets a process holds; undefined if this user may not know. A process that has just ended holds none. */
function socketInodes(folder: string): Set<string> | undefined {
  try {
    const targets = readdirSync(folder).map((fd) => readLink(join(folder, fd)))
    return new Set(targets.filter((target) => target.startsWith('socket:[')).map((target) => target.slice(8, -1)))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? undefined : new Set()
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/**
 * Asks for the engine's version, first in the clear, then over TLS without a client certificate. Reads only, and only
 * what everybody may ask. Never throws: an address that does not answer is `closed`.
 */
export async function probeEngine(ip: string, port: number, timeout_ms = 2_000): Promise<Probe> {
  const host = isUnspecified(ip) ? (ip === '::' ? '::1' : '127.0.0.1') : ip
  if (await isEngine(http.request({ host, port, path: '/version', agent: false, timeout: timeout_ms }), timeout_ms))
    return 'open'
  // Whether its certificate is genuine does not matter here: the question is whether it asks for ours.
  const request = https.request({
    host,
    port,
    path: '/version',
    agent: false,
    rejectUnauthorized: false,
    timeout: timeout_ms,
  })
  return (await isEngine(request, timeout_ms)) ? 'open_tls' : 'closed'
}

const LARGEST_VERSION_BYTES = 64 * 1024

function isEngine(request: http.ClientRequest, timeout_ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      clearTimeout(timer)
      request.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => end(false), timeout_ms)
    request.on('error', () => end(false))
    request.on('response', (response) => {
      let body = ''
      response.on('error', () => end(false))
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1')
        if (body.length > LARGEST_VERSION_BYTES) end(false)
      })
      response.on('end', () => end(response.statusCode === 200 && /"ApiVersion"\s*:/.test(body)))
    })
    request.end()
  })
}
