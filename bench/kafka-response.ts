import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../test/cluster-rig.js'
import { launchLine } from '../test/cluster-scene.js'
import { type PushTarget, push } from '../test/push.js'
import { startRedis } from '../test/stack/redis.js'
import { benchEvents } from './events.js'

const EVERY_MS = 100
const ATTACK_EVERY_MS = 250
const WARM_UP_MS = 10_000
const SETTLE_WITHIN_MS = 30_000
/** A sender that is so far behind its plan has not kept the rate. */
const MOST_BEHIND_MS = 2_000

/** Of one part of the way, ms. */
type Spread = { readonly p50: number; readonly p99: number }
export type Times = {
  /** Asked for, and what was taken. */
  readonly rate: number
  readonly measured_per_s: number
  readonly kept_up: boolean
  readonly attacks: number
  /** All since the attack's event was sent. */
  readonly finding_stored: Spread
  readonly job_started: Spread
  readonly action_stored: Spread
}

const playbook = `name: bench
summary: Write a line about every attack.
match: { min_severity: low }
verify: { families: 1, coverage: false }
guard: { max_per_hour: 100000, max_peer_share: 1 }
approve: never
actions: [{ action: log }]
undo_after_ms: null
`

/** Attacks among other events at this rate, on a cluster with every role: when was the finding stored, the job started, the action stored? */
export async function responseTimes(rate: number, seconds: number): Promise<Times> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const file = join(folder, 'bench.yml')
  writeFileSync(file, playbook)
  const redis = await startRedis({ appendonly: true })
  const config = {
    mode: 'enforce',
    log_level: 'error',
    jobs: { redis: { url: redis.url } },
    detection: { budget_per_day: 1_000_000 },
    responders: { playbooks: [file], builtin_playbooks: false },
  }
  const cluster = await startCluster({ partitions: 12, redis: false, config })
  try {
    const nodes = [
      await cluster.start(['store']),
      await cluster.start(['detect']),
      await cluster.start(['respond']),
      await cluster.start(['ingest']),
    ]
    for (const node of nodes) await node.untilReady()
    const ingest = nodes.at(-1) as PushTarget
    const lines = Array.from(benchEvents(Math.min(rate * (seconds + 12), 600_000), 7), (event) => JSON.stringify(event))
    const sent = await sendAt(ingest, rate, seconds * 1_000 + WARM_UP_MS, lines)
    const found = `SELECT uniqExact(workload_uid) >= ${sent.attacks} FROM responses WHERE state = 'verified' AND startsWith(workload_uid, 'vm/attacked-')`
    const settled = await cluster
      .until('every attack is answered', found, SETTLE_WITHIN_MS)
      .then(() => true)
      .catch(() => false)
    const rows = await cluster.rows<Record<'sent' | 'found' | 'started' | 'stored', string>>(`
      SELECT toUnixTimestamp64Milli(e.time) AS sent, f.found AS found, r.started AS started, r.stored AS stored
      FROM (SELECT workload_uid, min(time) AS time FROM events WHERE startsWith(workload_uid, 'vm/attacked-') GROUP BY workload_uid) AS e
      JOIN (SELECT workload_uid, toUnixTimestamp64Milli(min(ingested_time)) AS found FROM findings GROUP BY workload_uid) AS f USING workload_uid
      JOIN (SELECT workload_uid, toUnixTimestamp64Milli(minIf(time, state = 'executing')) AS started,
                   toUnixTimestamp64Milli(minIf(ingested_time, state = 'verified')) AS stored
            FROM responses GROUP BY workload_uid HAVING countIf(state = 'verified') > 0) AS r USING workload_uid`)
    const spread = (what: 'found' | 'started' | 'stored') =>
      spreadOf(rows.map((row) => Number(row[what]) - Number(row.sent)))
    return {
      rate,
      measured_per_s: Math.round(sent.per_s),
      kept_up: settled && sent.behind_ms < MOST_BEHIND_MS,
      attacks: rows.length,
      finding_stored: spread('found'),
      job_started: spread('started'),
      action_stored: spread('stored'),
    }
  } finally {
    await cluster.close()
    await redis.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Sends at a fixed rate, however long an answer takes; an attack on a machine of its own now and then, after the warm-up. */
async function sendAt(target: PushTarget, rate: number, for_ms: number, lines: readonly string[]) {
  const running = new Set<Promise<unknown>>()
  const began = performance.now()
  let sent = 0
  let taken = 0
  let attacks = 0
  let behind_ms = 0
  for (let step = 0; step * EVERY_MS < for_ms; step++) {
    const planned = began + step * EVERY_MS
    const early = planned - performance.now()
    if (early > 0) await sleep(early)
    // The receiver's own limit on requests at once is 16.
    while (running.size >= 12) await Promise.race(running)
    if (step * EVERY_MS > WARM_UP_MS) behind_ms = Math.max(behind_ms, performance.now() - planned)
    const body = Array.from({ length: (rate * EVERY_MS) / 1_000 }, () => lines[sent++ % lines.length])
    if (step * EVERY_MS >= WARM_UP_MS && (step * EVERY_MS) % ATTACK_EVERY_MS < EVERY_MS) {
      const host = `attacked-${attacks++}`
      body.push(
        launchLine(
          'attack',
          attacks,
          host,
          Date.now(),
          '/opt/xm/xmrig',
          'xmrig -o stratum+tcp://203.0.113.9:3333 --donate-level 1',
        ),
      )
    }
    const request = push(target, body.join('\n'))
      .then(({ status }) => {
        if (status !== 200) throw new Error(`a request was answered ${status}`)
        taken += body.length
      })
      .finally(() => running.delete(request))
    running.add(request)
  }
  await Promise.all(running)
  return { attacks, behind_ms, per_s: (taken / (performance.now() - began)) * 1_000 }
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99) }
}
