import { setTimeout as sleep } from 'node:timers/promises'

/** Where to push to. */
export type PushTarget = { readonly push_url: string; readonly push_token: string }

export type PushAnswer = {
  readonly status: number
  readonly body: any
}

const NDJSON = 'application/x-ndjson'

/** One request to the http collector. Rejects when the connection breaks before the answer. */
export async function push(
  target: PushTarget,
  body: string | Uint8Array<ArrayBuffer>,
  options: { format?: string; headers?: Record<string, string> } = {},
): Promise<PushAnswer> {
  const response = await fetch(`${target.push_url}/ingest/${options.format ?? 'ocsf'}`, {
    method: 'POST',
    headers: { 'content-type': NDJSON, authorization: `Bearer ${target.push_token}`, ...options.headers },
    body,
    signal: AbortSignal.timeout(60_000),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}

/** One native OCSF event as a line of JSON: a process launch on one of 40 machines. The same `n` gives the same event. */
export function nativeLine(prefix: string, n: number, time: number): string {
  const host = `host-${n % 40}`
  return JSON.stringify({
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: time + n,
    severity_id: 1,
    metadata: { version: '1.8.0', uid: `${prefix}-${n}`, product: { name: 'agent', vendor_name: 'Example' } },
    device: { hostname: host, type_id: 1 },
    actor: { process: { pid: 1, name: 'systemd' }, user: { name: 'root' } },
    process: {
      pid: n,
      name: 'worker',
      cmd_line: `worker --queue ${n % 7}`,
      file: { name: 'worker', path: '/usr/bin/worker', type_id: 1 },
    },
    workload: { kind: 'vm', uid: `vm/${host}`, name: host, group: 'host' },
  })
}

/** A sender that numbers its batches and sends each until it is acknowledged, whatever happens to the receiver. */
export type Pusher = {
  /** Numbers of the batches that were acknowledged. */
  readonly acknowledged: Set<number>
  /** Requests that got no 200: refused, broken, timed out. */
  failures(): number
  /** Resolves when so many batches were acknowledged. */
  reached(batches: number): Promise<void>
  /** Resolves when all were acknowledged, or after `cancel`. */
  readonly done: Promise<void>
  cancel(): void
}

/** Sends `batches` batches over `concurrency` connections at a time to whoever `target` says is there. */
export function startPusher(options: {
  batches: number
  concurrency: number
  body: (batch: number) => string
  target: () => PushTarget
}): Pusher {
  const acknowledged = new Set<number>()
  let next = 0
  let failures = 0
  let is_cancelled = false

  async function send() {
    for (let batch = next++; batch < options.batches; batch = next++) {
      const body = options.body(batch)
      while (!is_cancelled && !(await isTaken(body))) {
        failures += 1
        await sleep(100)
      }
      if (is_cancelled) return
      acknowledged.add(batch)
    }
  }

  async function isTaken(body: string): Promise<boolean> {
    const answer = await push(options.target(), body).catch(() => undefined)
    return answer?.status === 200
  }

  const done = Promise.all(Array.from({ length: options.concurrency }, send)).then(() => {})
  return {
    acknowledged,
    failures: () => failures,
    done,
    cancel: () => {
      is_cancelled = true
    },
    async reached(batches) {
      while (acknowledged.size < batches && !is_cancelled) await sleep(5)
    },
  }
}
