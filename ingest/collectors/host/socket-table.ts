import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerView } from './containers.js'
import type { Proc } from './process-table.js'
import { readText } from './procfs.js'
import { socketOwners } from './socket-owners.js'
import {
  decodeEndpoint,
  type Endpoint,
  type Protocol,
  parseSocketRows,
  SOCKET_STATE,
  type SocketRow,
} from './socket-rows.js'

/** One socket as last seen. */
export type Socket = {
  readonly protocol: Protocol
  readonly version: 4 | 6
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly inode: string
  readonly netns: string
  /** Listening, or a UDP socket bound without a peer. */
  readonly is_listening: boolean
  /** True if the local port was listening when the socket appeared: somebody connected to us. */
  readonly is_inbound: boolean
  readonly uid: string
  readonly first_seen: number
  readonly process?: Proc
  /** The container whose network namespace this is. */
  readonly container?: ContainerView
}

/**
 * `listen` and `open`: appeared (or existed when the watch began). `brief`: opened and closed between two looks, known
 * from its TIME_WAIT remains. `fail`: never got an answer. `close`: gone.
 */
export type SocketChange = {
  readonly kind: 'listen' | 'open' | 'brief' | 'fail' | 'close'
  readonly socket: Socket
  readonly existed_before: boolean
}

export type SocketPoll = {
  readonly changes: SocketChange[]
  /** Changes left out because there were more than the bound. */
  readonly lost: number
  /** True if sockets remain without a process because this user may not look. */
  readonly was_denied: boolean
}

/** `socket` is absent for remains of a connection that nobody needs to hear of. */
type Tracked = { readonly row: SocketRow; socket: Socket | undefined }
type Namespace = { readonly netns: string; readonly pids: number[]; readonly container?: ContainerView | undefined }
/** A row that is new to us. `kind` is absent while a connection is only attempted. */
type Fresh = {
  readonly entry: Tracked
  readonly kind: SocketChange['kind'] | undefined
  readonly namespace: Namespace
  readonly is_inbound: boolean
}

const FILES: readonly [string, Protocol, 4 | 6][] = [
  ['tcp', 'tcp', 4],
  ['tcp6', 'tcp', 6],
  ['udp', 'udp', 4],
  ['udp6', 'udp', 6],
]

/**
 * Follows the sockets of every network namespace that has a process. `max_changes` bounds one poll. `refresh` is called
 * when a socket's process is not among the known ones, or runs another program by now: it started after they were read.
 */
export function socketTable(
  root: string,
  max_changes: number,
): { poll(byPid: ReadonlyMap<number, Proc>, refresh: () => Promise<void>): Promise<SocketPoll> } {
  let tracked = new Map<string, Tracked>()
  let is_first_look = true

  return {
    async poll(byPid, refresh) {
      const now_ms = Date.now()
      const next = new Map<string, Tracked>()
      const fresh: Fresh[] = []
      const changes: SocketChange[] = []
      let lost = 0
      for (const namespace of namespaces(root, byPid.values())) {
        const rows = readRows(root, namespace)
        if (!rows) {
          for (const [key, entry] of tracked) if (key.startsWith(namespace.netns)) next.set(key, entry)
          continue
        }
        const listening = new Set(rows.filter(isListening).map((row) => `${row.protocol}${portOf(row.local)}`))
        for (const row of rows) {
          if (row.state === SOCKET_STATE.syn_recv) continue
          const key = keyOf(namespace.netns, row)
          const known = tracked.get(key)
          const step = compare(known?.row, row)
          const entry: Tracked = { row, socket: step.is_new ? undefined : known?.socket }
          next.set(key, entry)
          if (step.closed && known?.socket) changes.push({ kind: 'close', socket: known.socket, existed_before: false })
          if (step.closed && !step.is_new) entry.socket = undefined
          // What is in TIME_WAIT when the watch begins was opened and closed before it.
          if (!step.is_news || (is_first_look && step.kind === 'brief')) continue
          const is_inbound = listening.has(`${row.protocol}${portOf(row.local)}`)
          if (fresh.length < max_changes) fresh.push({ entry, kind: step.kind, namespace, is_inbound })
          else lost++
        }
      }
      let { owners, was_denied } = await findOwners(root, fresh, byPid)
      const is_unsure = ({ entry: { row } }: Fresh) => {
        const owner = owners.get(row.inode)
        return owner ? runsOther(root, owner) : row.inode !== '0'
      }
      if (!is_first_look && !was_denied && fresh.some(is_unsure)) {
        await refresh()
        ;({ owners, was_denied } = await findOwners(root, fresh, byPid))
      }
      for (const { entry, kind, namespace, is_inbound } of fresh) {
        const owner = owners.get(entry.row.inode)
        const socket = entry.socket ?? describe(entry.row, namespace, is_inbound, now_ms, owner)
        entry.socket = socket
        if (kind) changes.push({ kind, socket, existed_before: is_first_look })
      }
      for (const [key, { row, socket }] of tracked) {
        if (next.has(key) || !socket || row.state === SOCKET_STATE.time_wait) continue
        changes.push({ kind: row.state === SOCKET_STATE.syn_sent ? 'fail' : 'close', socket, existed_before: false })
      }
      tracked = next
      is_first_look = false
      return { changes, lost, was_denied }
    },
  }
}

type Step = {
  readonly is_news: boolean
  /** True if the row is another socket than the one known under its key. */
  readonly is_new: boolean
  readonly closed: boolean
  readonly kind: SocketChange['kind'] | undefined
}

/** What a row means, given what was seen under the same key before. */
function compare(before: SocketRow | undefined, now: SocketRow): Step {
  const { time_wait, syn_sent } = SOCKET_STATE
  const is_remains = now.protocol === 'tcp' && now.state === time_wait
  const kind = now.state === syn_sent ? undefined : is_remains ? 'brief' : isListening(now) ? 'listen' : 'open'
  if (!before) return { is_news: true, is_new: true, closed: false, kind }
  const was_remains = before.protocol === 'tcp' && before.state === time_wait
  const was_attempt = before.state === syn_sent && now.state !== syn_sent
  const other_socket = before.inode !== now.inode && before.inode !== '0' && now.inode !== '0'
  if (was_remains && is_remains) return { is_news: false, is_new: false, closed: false, kind: undefined }
  if (was_remains) return { is_news: true, is_new: true, closed: false, kind }
  if (other_socket) return { is_news: true, is_new: true, closed: !was_attempt, kind }
  if (was_attempt) return { is_news: true, is_new: false, closed: false, kind }
  return { is_news: false, is_new: false, closed: is_remains, kind: undefined }
}

/** A TCP connection is named by its ends, so that its TIME_WAIT remains have the same key; other sockets may share theirs. */
function keyOf(netns: string, row: SocketRow): string {
  const ends = `${netns}|${row.protocol}${row.version}|${row.local}|${row.remote}`
  return row.protocol === 'udp' || isListening(row) ? `${ends}|${row.inode}` : ends
}

function findOwners(root: string, fresh: readonly Fresh[], byPid: ReadonlyMap<number, Proc>) {
  const inodes = new Set(fresh.map(({ entry }) => entry.row.inode).filter((inode) => inode !== '0'))
  if (inodes.size === 0) return { owners: new Map<string, Proc>(), was_denied: false }
  const spaces = new Set(fresh.map(({ namespace }) => namespace.netns))
  const candidates = [...byPid.values()].filter(({ netns }) => netns === undefined || spaces.has(netns))
  return socketOwners(root, inodes, candidates)
}

/** True if a process has replaced its program since it was read: the socket is the new one's. */
function runsOther(root: string, { pid, comm }: Proc): boolean {
  const now = readText(join(root, 'proc', String(pid), 'comm'))
  return now !== undefined && now.trimEnd() !== comm.trimEnd()
}

/** One entry a network namespace, with processes through which it can be read. */
function namespaces(root: string, processes: Iterable<Proc>): Namespace[] {
  const host = hostNamespace(root)
  const found = new Map<string, Namespace>()
  for (const { netns, pid, container } of processes) {
    if (!netns) continue
    const known = found.get(netns)
    if (known) known.pids.push(pid)
    else found.set(netns, { netns, pids: [pid], container: netns === host ? undefined : container })
  }
  return [...found.values()]
}

function hostNamespace(root: string): string | undefined {
  try {
    return readlinkSync(join(root, 'proc/1/ns/net'))
  } catch {
    return undefined
  }
}

function readRows(root: string, namespace: Namespace): SocketRow[] | undefined {
  for (const pid of namespace.pids.slice(0, 3)) {
    const texts = FILES.map(([file]) => readText(join(root, 'proc', String(pid), 'net', file)))
    // A kernel without IPv6 lacks the *6 files; a process that ended lacks them all.
    if (texts.every((text) => text === undefined)) continue
    return FILES.flatMap(([, protocol, version], n) => parseSocketRows(texts[n] ?? '', protocol, version))
  }
  return undefined
}

function isListening(row: SocketRow): boolean {
  return row.protocol === 'tcp' ? row.state === SOCKET_STATE.listen : row.state === SOCKET_STATE.close
}

function portOf(hex: string): string {
  return hex.slice(hex.indexOf(':') + 1)
}

function describe(
  row: SocketRow,
  namespace: Namespace,
  inbound: boolean,
  now_ms: number,
  process: Proc | undefined,
): Socket {
  const container = process?.container ?? namespace.container
  const is_listening = isListening(row)
  return {
    protocol: row.protocol,
    version: row.version,
    local: decodeEndpoint(row.local),
    remote: decodeEndpoint(row.remote),
    inode: row.inode,
    netns: namespace.netns,
    is_listening,
    is_inbound: inbound && !is_listening,
    uid: row.uid,
    first_seen: now_ms,
    ...(process ? { process } : {}),
    ...(container ? { container } : {}),
  }
}
