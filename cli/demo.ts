import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { createLog } from '../core/log.js'
import { compare } from '../demo/expected.js'
import { readRecording } from '../demo/recording.js'
import { replay } from '../demo/replay.js'
import { type DemoReport, findingFacts, latencies, reportText, responseFacts } from '../demo/report.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import { responseOf } from '../responders/record.js'
import { type App, createApp } from './app.js'
import { configSchema } from './config.js'

/** Pause between two minutes of the attack: slow enough that latencies are those of single events, not of a backlog. */
const ATTACK_PAUSE_MS = 25

type Options = { json?: boolean; docker?: boolean; keep?: string }

/** `weir demo`: a recorded day, an attack, and what Weir makes of them. */
export function registerDemo(program: Command) {
  program
    .command('demo')
    .description('replay a recorded day and an attack: detect, verify, plan the response')
    .option('--json', 'the facts as one JSON object on stdout, progress on stderr')
    .option('--docker', 'quarantine a real container that the demo starts itself, check that its traffic stops, undo')
    .option('--keep <folder>', 'keep the lake of the demo there, to look around with weir sql')
    .addHelpText(
      'after',
      `
Examples:
  weir demo
  weir demo --json | jq '.findings[].reason'
  weir demo --keep /tmp/demo && cd /tmp/demo && weir sql "SELECT title FROM findings"
Exit code 0 only if the expected findings were made, and no others.
`,
    )
    .action(async (options: Options) => {
      const report = await runDemo(options, say)
      process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
      process.exit(report.missing.length + report.unexpected.length === 0 ? 0 : 1)
    })
}

function say(text: string) {
  process.stderr.write(`${text}\n`)
}

/** Runs the whole scenario in a lake of its own. */
export async function runDemo(options: Options, progress: (line: string) => void): Promise<DemoReport> {
  const started = Date.now()
  const data_dir = options.keep ? join(options.keep, '.weir') : mkdtempSync(join(tmpdir(), 'weir-demo-'))
  const findings: OcsfEvent[] = []
  const steps: OcsfEvent[] = []
  const found: number[] = []
  const planned: number[] = []
  const foundAt = new Map<string, number>()
  const app = await createApp(configSchema.parse({ data_dir, collectors: {} }), {
    log: createLog('error'),
    without: ['collectors', 'endpoint'],
    on_found(events) {
      for (const event of events) foundAt.set(findingOf(event)?.uid ?? '', performance.now())
    },
    on_finding(finding, latency_ms) {
      findings.push(finding)
      found.push(latency_ms)
    },
    on_response(step) {
      steps.push(step)
      const record = responseOf(step)
      const since = foundAt.get(record?.finding_uids.at(-1) ?? '')
      if (record?.state === 'planned' && since !== undefined) planned.push(performance.now() - since)
    },
  })
  try {
    await app.start()
    await play(app, progress)
    return {
      events: await count(app),
      findings: findingFacts(findings),
      responses: responseFacts(steps),
      latency_ms: { event_to_finding: latencies(found), finding_to_plan: latencies(planned) },
      ...compare(findingFacts(findings)),
      seconds: (Date.now() - started) / 1_000,
    }
  } finally {
    await app.stop()
    if (!options.keep) rmSync(data_dir, { recursive: true, force: true })
  }
}

async function play(app: App, progress: (line: string) => void) {
  const recording = readRecording()
  progress(`learning from a recorded day: ${recording.normal.length} records of a VM, two containers and a function`)
  let shown = 0
  await replay(recording.normal, app.intake, {
    pause_ms: 0,
    progress(share, time) {
      if (share < shown + 0.25) return
      shown = share
      progress(`  ${new Date(time).toISOString().slice(11, 16)}  ${Math.round(share * 100)} %`)
    },
  })
  progress('training the model of normal behaviour ...')
  await app.engine.advance()
  await app.engine.settle()
  progress(`the second night, and an attack: ${recording.attack.length} records`)
  await replay(recording.attack, app.intake, { pause_ms: ATTACK_PAUSE_MS })
  await app.engine.advance(Number.POSITIVE_INFINITY)
  await app.engine.settle()
  await app.responder.settle()
  await app.store.flush()
}

/** Every number from where it is kept: what came in from the intake, what is stored from the lake. */
async function count({ lake, metrics }: App): Promise<DemoReport['events']> {
  const [row] = await lake.select<{ stored: string; dead: string }>(
    `SELECT (SELECT count() FROM events) + (SELECT uniqExact(workload_uid, time) FROM metrics) AS stored,
            (SELECT count() FROM dead_letters) AS dead`,
  )
  const dropped = metrics.total('records_dropped')
  return {
    in: metrics.total('events_published') + dropped + metrics.total('records_rejected'),
    stored: Number(row?.stored),
    dropped,
    dead_lettered: Number(row?.dead),
  }
}
