import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventUid } from '../ocsf/uid.js'
import { type Cluster, startCluster, type WeirNode } from '../test/cluster-rig.js'
import { type PushTarget, startPusher } from '../test/push.js'
import { startWeir } from '../test/weir-process.js'
import { benchEvents } from './events.js'
import { cpuOfChildren } from './kafka-processes.js'

/** Lines in one request, and requests at a time. */
const LINES = 2_000
const REQUESTS = 6

/** Events a second from the first request until all are stored and looked at; CPU by process, us an event. */
export type Flow = { readonly per_s: number; readonly cpu_us: Record<string, number> }

/** The same bodies for every way in one round. */
export function bodiesOf(count: number, seed: number): string[] {
  const lines = Array.from(benchEvents(count, seed), (event, n) => {
    // Those of two rounds may not be taken for each other.
    const uid = eventUid(event.time, `bench-${seed}:${n}`)
    return JSON.stringify({ ...event, metadata: { ...event.metadata, uid } })
  })
  return Array.from({ length: Math.ceil(count / LINES) }, (_, n) => lines.slice(n * LINES, (n + 1) * LINES).join('\n'))
}

async function pushAll(target: PushTarget, bodies: readonly string[]) {
  const pusher = startPusher({
    batches: bodies.length,
    concurrency: REQUESTS,
    body: (batch) => bodies[batch] ?? '',
    target: () => target,
  })
  await pusher.done
  if (pusher.failures() > 0) throw new Error(`${pusher.failures()} requests were refused`)
}

/** Weir in several processes, and the broker they share. */
export type Large = {
  readonly brokers: readonly string[]
  flow(bodies: readonly string[], events: number): Promise<Flow>
  close(): Promise<void>
}

/** Ingest, store and detect, a process each, on Kafka and on the lake over HTTP. */
export async function startLarge(partitions: number): Promise<Large> {
  const cluster: Cluster = await startCluster({ partitions, redis: false, config: { log_level: 'warn' } })
  const nodes: Record<string, WeirNode> = {}
  for (const role of ['store', 'detect', 'ingest']) nodes[role] = await cluster.start([role])
  const { ingest, detect } = nodes as { ingest: WeirNode; detect: WeirNode }
  for (const node of Object.values(nodes)) await node.untilReady()
  const names = new Map(Object.entries(nodes).map(([role, { pid }]) => [pid, role]))
  let sent = 0
  return {
    brokers: cluster.kafka.brokers,
    async flow(bodies, events) {
      sent += events
      const before = cpuOfChildren(names)
      const began = performance.now()
      await pushAll(ingest, bodies)
      while ((await cluster.number('SELECT count() FROM events')) < sent) await sleep(50)
      while ((await detect.metric('weir_bus_consumed_total', { group: 'detect', topic: 'weir.events' })) < sent)
        await sleep(50)
      const per_s = (events / (performance.now() - began)) * 1_000
      const after = cpuOfChildren(names)
      const cpu_us = [...after].map(([name, us]) => [name, Math.round((us - (before.get(name) ?? 0)) / events)])
      return { per_s, cpu_us: Object.fromEntries(cpu_us) }
    },
    close: () => cluster.close(),
  }
}

/** `weir up`, in one process. */
export async function embeddedFlow(bodies: readonly string[], events: number): Promise<Flow> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const weir = await startWeir(folder, { collectors: { push: { type: 'http', port: 0 } }, http: { port: 0 } })
  try {
    const names = new Map([[weir.pid, 'weir up']])
    const before = cpuOfChildren(names).get('weir up') ?? 0
    const began = performance.now()
    await pushAll(weir, bodies)
    while ((await weir.number('SELECT count() FROM events')) < events) await sleep(50)
    const per_s = (events / (performance.now() - began)) * 1_000
    const cpu_us = ((cpuOfChildren(names).get('weir up') ?? 0) - before) / events
    return { per_s, cpu_us: { 'weir up': Math.round(cpu_us) } }
  } finally {
    await weir.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
