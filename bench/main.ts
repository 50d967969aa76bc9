// Ratios are paired inside one round; the medians of all rounds are reported and compared with bench/baseline.json.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { packageRoot } from '../core/paths.js'
import type { Latency } from './latency.js'
import type { Facts } from './prepare.js'
import type { Round } from './round.js'

const values = new Command('npm run bench --')
  .description('Measures the embedded pipeline beside INSERT FROM file() of the same events, in about six minutes.')
  .option('--json', 'the same facts for machines')
  .option('--events <n>', 'events in a round', '500000')
  .option('--rounds <n>', 'rounds, of which the medians count', '5')
  .option('--write-baseline', 'replace bench/baseline.json by what is measured')
  .parse()
  .opts()
const baselineFile = join(packageRoot, 'bench', 'baseline.json')

function child<T>(script: string, ...args: string[]): T {
  const output = execFileSync(
    process.execPath,
    // As this process and bin/weir run.
    [...process.execArgv, join(packageRoot, 'dist', 'bench', `${script}.js`), ...args],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1024 * 1024 },
  )
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as T
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
const say = (text: string) => process.stderr.write(`${text}\n`)

/** What is measured, what it must be, and how to read it. */
type Bar = { name: string; value: number; bound: number; better: 'higher' | 'lower'; unit: string; detail: string }

function bars(facts: Facts, rounds: readonly Round[], latency: Latency): Bar[] {
  const k = (values: readonly number[]) => `${Math.round(median(values) / 1_000)} k/s`
  const file = rounds.map((round) => round.file_per_s)
  const pipeline = rounds.map((round) => round.pipeline_per_s)
  const objects = rounds.map((round) => round.objects_per_s)
  const perFile = (rates: readonly number[]) => median(rates.map((value, n) => value / (file[n] ?? 1)))
  return [
    {
      name: 'pipeline / INSERT FROM file(JSONEachRow)',
      value: perFile(pipeline),
      bound: 0.45,
      better: 'higher',
      unit: 'ratio',
      detail: `${k(pipeline)} / ${k(file)}`,
    },
    {
      name: 'objects -> stored / INSERT FROM file(JSONEachRow)',
      value: perFile(objects),
      bound: 1,
      better: 'higher',
      unit: 'ratio',
      detail: `${k(objects)} / ${k(file)}`,
    },
    {
      name: 'bytes on disk / gzip -6 of the JSON',
      value: facts.disk / facts.gzip,
      bound: 0.35,
      better: 'lower',
      unit: 'ratio',
      detail: `${facts.disk.toFixed(1)} B (${facts.disk_unmerged.toFixed(1)} before merges) / ${facts.gzip.toFixed(1)} B, JSON ${facts.json.toFixed(0)} B`,
    },
    {
      name: 'slice query p99, 20 k events/s / idle',
      value: latency.busy.p99 / latency.idle.p99,
      bound: 2,
      better: 'lower',
      unit: 'ratio',
      detail: `${latency.busy.p99} ms / ${latency.idle.p99} ms (p50 ${latency.busy.p50} / ${latency.idle.p50}), ${Math.round(latency.ingested_per_s)} events/s`,
    },
    {
      name: 'peak RSS at full ingest',
      value: Math.max(...rounds.map((round) => round.peak_rss_bytes)) / 1e9,
      bound: 1.5,
      better: 'lower',
      unit: 'GB',
      detail: 'largest of all rounds',
    },
    {
      name: 'event loop lag p99 at full ingest',
      value: median(rounds.map((round) => round.loop_p99_ms)),
      bound: 50,
      better: 'lower',
      unit: 'ms',
      detail: 'median of all rounds',
    },
  ]
}

function table(results: readonly Bar[]): string {
  const baseline: Record<string, number> = existsSync(baselineFile)
    ? JSON.parse(readFileSync(baselineFile, 'utf8'))
    : {}
  const lines = results.map(({ name, value, bound, better, unit, detail }) => {
    const passed = better === 'higher' ? value >= bound : value <= bound
    const before = baseline[name] === undefined ? '' : `, baseline ${baseline[name].toFixed(2)}`
    const sign = better === 'higher' ? '>=' : '<='
    return `${passed ? 'ok  ' : 'MISS'}  ${name.padEnd(50)} ${value.toFixed(2).padStart(7)} ${unit.padEnd(5)} (${sign} ${bound}${before})  ${detail}`
  })
  return `${lines.join('\n')}\n`
}

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
try {
  const count = Number(values.events)
  const roundCount = Math.max(1, Number(values.rounds))
  say(`${count} events, ${roundCount} rounds, ${cpus().length} cores, Node ${process.versions.node}; preparing ...`)
  const facts = child<Facts>('prepare', folder, String(count))
  const rounds: Round[] = []
  for (let n = 0; n < roundCount; n++) {
    const round = child<Round>('round', folder, String(n))
    rmSync(join(folder, `pipeline-${n}`), { recursive: true, force: true })
    rounds.push(round)
    const k = (value: number) => `${Math.round(value / 1_000)} k/s`
    say(
      `round ${n + 1}: pipeline ${k(round.pipeline_per_s)}, objects ${k(round.objects_per_s)}, file() ${k(round.file_per_s)}`,
    )
  }
  say('slice queries, idle and under load ...')
  const latency = child<Latency>('latency', folder)
  const results = bars(facts, rounds, latency)
  if (values.writeBaseline) {
    const baseline = Object.fromEntries(results.map(({ name, value }) => [name, Math.round(value * 1_000) / 1_000]))
    writeFileSync(baselineFile, `${JSON.stringify(baseline, null, 2)}\n`)
  }
  process.stdout.write(
    values.json ? `${JSON.stringify({ facts, rounds, latency, results }, null, 2)}\n` : table(results),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
