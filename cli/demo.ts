import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { environment } from '../core/config.js'
import { createDockerApi } from '../core/docker-api.js'
import { dockerConnection } from '../core/docker-connection.js'
import { createLog } from '../core/log.js'
import { startDockerScene } from '../demo/docker-scene.js'
import { compare } from '../demo/expected.js'
import { startRecordedEngine } from '../demo/recorded-engine.js'
import { type Recording, readRecording } from '../demo/recording.js'
import { replay } from '../demo/replay.js'
import {
  type DemoReport,
  type DockerCheck,
  findingFacts,
  latencies,
  reportText,
  responseFacts,
} from '../demo/report.js'
import { API_ID } from '../demo/world.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import { responseOf } from '../responders/record.js'
import { type App, createApp } from './app.js'
import { configSchema } from './config.js'

/** Pause between two minutes of the attack: slow enough that latencies are those of single events, not of a backlog. */
const ATTACK_PAUSE_MS = 25

type Options = { json?: boolean; docker?: boolean | string; keep?: string }

/** `weir demo`: a recorded day, an attack, and what Weir makes of them. */
export function registerDemo(program: Command) {
  program
    .command('demo')
    .description('replay a recorded day and an attack: detect, verify, plan the response')
    .option('--json', 'the facts as one JSON object on stdout, progress on stderr')
    .option(
      '--docker [address]',
      'quarantine a real container that the demo starts itself, check that its traffic stops, undo (address: unix:///path or tcp://host:port; default DOCKER_HOST or /var/run/docker.sock)',
    )
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
async function runDemo(options: Options, progress: (line: string) => void): Promise<DemoReport> {
  const started = Date.now()
  const stage = options.docker ? await realStage(options.docker, progress) : await recordedStage()
  const data_dir = options.keep ? join(options.keep, '.weir') : mkdtempSync(join(tmpdir(), 'weir-demo-'))
  const seen = observer()
  try {
    const actions = { docker_quarantine: { address: stage.address }, docker_pause: { address: stage.address } }
    const config = configSchema.parse({
      data_dir,
      collectors: {},
      mode: stage.mode,
      responders: { actions, effect_window_ms: 1_000 },
    })
    const app = await createApp(config, { log: createLog('error'), without: ['collectors', 'endpoint'], ...seen })
    try {
      await app.start()
      await play(app, readRecording(stage.edit), progress)
      const docker = await stage.check?.(app)
      const findings = findingFacts(await storedFindings(app))
      const { missing, unexpected } = compare(findings)
      return {
        events: await count(app),
        findings,
        responses: responseFacts(seen.steps),
        latency_ms: { event_to_finding: latencies(seen.found), finding_to_plan: latencies(seen.planned) },
        ...(docker ? { docker } : {}),
        missing: [...missing, ...(docker?.faults ?? [])],
        unexpected,
        seconds: (Date.now() - started) / 1_000,
      }
    } finally {
      await app.stop()
    }
  } finally {
    await stage.remove()
    if (!options.keep) rmSync(data_dir, { recursive: true, force: true })
  }
}

/** Collects what the application reports, with the times between. */
function observer() {
  const steps: OcsfEvent[] = []
  const found: number[] = []
  const planned: number[] = []
  const foundAt = new Map<string, number>()
  return {
    steps,
    found,
    planned,
    on_found(events: readonly OcsfEvent[]) {
      for (const event of events) foundAt.set(findingOf(event)?.uid ?? '', performance.now())
    },
    on_finding(_finding: OcsfEvent, latency_ms: number | undefined) {
      if (latency_ms !== undefined) found.push(latency_ms)
    },
    on_response(step: OcsfEvent) {
      steps.push(step)
      const record = responseOf(step)
      const since = foundAt.get(record?.finding_uids.at(-1) ?? '')
      if (record?.state === 'planned' && since !== undefined) planned.push(performance.now() - since)
    },
  }
}

/** Where the responses go: the recorded engine, or a real one. */
type Stage = {
  address: string
  mode: 'dry_run' | 'enforce'
  edit?: (text: string) => string
  check?: (app: App) => Promise<DockerCheck>
  remove(): Promise<void>
}

async function recordedStage(): Promise<Stage> {
  const engine = await startRecordedEngine()
  return { address: engine.address, mode: 'dry_run', remove: engine.stop }
}

async function realStage(docker: true | string, progress: (line: string) => void): Promise<Stage> {
  const address = docker === true ? (environment.DOCKER_HOST ?? 'unix:///var/run/docker.sock') : docker
  const api = createDockerApi(dockerConnection.parse({ address }))
  const scene = await startDockerScene(api)
  const before = await scene.traffic()
  progress(`container ${scene.id.slice(0, 12)} runs and talks: ${Math.round(before)} B/s`)
  return {
    address,
    mode: 'enforce',
    // The recorded attack happens to the real container.
    edit: (text) => text.replaceAll(API_ID, scene.id).replaceAll(API_ID.slice(0, 12), scene.id.slice(0, 12)),
    async check(app) {
      const faults: string[] = []
      if (before === 0) faults.push('the container had no traffic to stop')
      const response = app.responder
        .state()
        .find(({ action, state }) => action === 'docker_quarantine' && state === 'verified')
      if (!response) faults.push('a verified quarantine of the real container')
      const during = await scene.traffic()
      progress(`quarantined: ${Math.round(during)} B/s`)
      if (during > 0) faults.push(`traffic stops in quarantine (it was ${during} B/s)`)
      if (response) await app.responder.undo(response.uid, 'weir demo')
      const after = await scene.traffic()
      progress(`undone: ${Math.round(after)} B/s`)
      if (after === 0) faults.push('traffic flows again after undo')
      return { container: scene.id.slice(0, 12), bytes_per_s: { before, quarantined: during, undone: after }, faults }
    },
    async remove() {
      await scene.remove()
      api.close()
    },
  }
}

async function play(app: App, recording: Recording, progress: (line: string) => void) {
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

/** What is in the lake counts, not what was reported on the way. */
async function storedFindings({ lake }: App): Promise<OcsfEvent[]> {
  const rows = await lake.select<{ event: string }>('SELECT event FROM findings FINAL ORDER BY time')
  return rows.map(({ event }) => JSON.parse(event) as OcsfEvent)
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
