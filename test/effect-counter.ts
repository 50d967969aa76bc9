import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The system that webhooks act on: a key of a request that came before changes nothing. */
export type EffectCounter = {
  readonly url: string
  /** Requests for each Idempotency-Key. */
  readonly requests: ReadonlyMap<string, number>
  /** Called with the process behind the next request once its effect is there, before the answer. */
  onNext(act: (pid: number | undefined) => void): void
  close(): Promise<void>
}

/** Listens on a free port of 127.0.0.1. `pids` are those who may ask. */
export async function startEffectCounter(pids: () => readonly number[]): Promise<EffectCounter> {
  const requests = new Map<string, number>()
  let next: ((pid: number | undefined) => void) | undefined
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const key = String(request.headers['idempotency-key'])
      requests.set(key, (requests.get(key) ?? 0) + 1)
      const act = next
      next = undefined
      act?.(senderOf(request, pids()))
      response.end('done\n')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    onNext(act) {
      next = act
    },
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** The process at the other end of the connection, as Linux knows it. */
function senderOf({ socket }: IncomingMessage, pids: readonly number[]): number | undefined {
  const local = `:${(socket.remotePort ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  const inode = rows.map((row) => row.trim().split(/\s+/)).find((cells) => cells[1]?.endsWith(local))?.[9]
  return pids.find((pid) => {
    const handles = readdirSync(`/proc/${pid}/fd`)
    return handles.some((handle) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${handle}`) === `socket:[${inode}]`
      } catch {
        return false
      }
    })
  })
}
