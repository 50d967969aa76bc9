// A responder of its own for responders/responder.slow.test.ts: argv[2] is its JSON. The bus is an append-only file that
// every process follows from its beginning; the action appends a line each time it is carried out, so that doing it twice shows.
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { registry } from '../core/define.js'
import { WeirError } from '../core/errors.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import { type ActionDefinition, defineAction } from '../responders/contract.js'
import { createBullJobs } from '../responders/jobs/bullmq.js'
import { redisJobsSchema } from '../responders/jobs/redis-config.js'
import { playbookSchema } from '../responders/playbook.js'
import { responseOf } from '../responders/record.js'
import { createResponder } from '../responders/responder.js'

type Settings = {
  folder: string
  redis: object
  /** The first process that gets here kills itself: `before planned`, `after execute` ... */
  crash?: string
  execute_ms?: number
}

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings
const file = (name: string) => join(settings.folder, name)
const linesOf = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n') : [])

function crashAt(point: string) {
  if (point !== settings.crash) return
  try {
    writeFileSync(file('crashed'), `${process.pid}\n`, { flag: 'wx' })
  } catch {
    return
  }
  process.kill(process.pid, 'SIGKILL')
}

const appendLine = defineAction({
  name: 'append_line',
  summary: 'Append a line',
  config: z.strictObject({}),
  example: {},
  permissions: [],
  targets: ['container'],
  reversible: true,
  stops_traffic: false,
  create: () => ({
    plan: async () => ({ steps: ['Append a line.'], undo_steps: ['Append a line elsewhere.'], pre_image: {} }),
    async execute({ response_uid }) {
      await sleep(settings.execute_ms ?? 0)
      appendFileSync(file('effects'), `${response_uid}\n`)
      crashAt('after execute')
    },
    async verify({ response_uid }) {
      return { ok: linesOf('effects').includes(response_uid), evidence: 'The file was read.' }
    },
    async undo({ response_uid }) {
      appendFileSync(file('undone'), `${response_uid}\n`)
      crashAt('after undo')
    },
    async verify_undo({ response_uid }) {
      return { ok: linesOf('undone').includes(response_uid), evidence: 'The file was read.' }
    },
  }),
})

const log = createLog('warn')
const responder = createResponder({
  playbooks: [
    playbookSchema.parse({
      name: 'append',
      summary: 'Append a line.',
      match: { kinds: ['container'] },
      approve: 'never',
      guard: { max_per_hour: 1_000, max_peer_share: 1 },
      actions: [{ action: 'append_line' }],
      undo_after_ms: 1_000,
    }),
  ],
  actions: registry<ActionDefinition>('action', [appendLine]),
  action_params: {},
  mode: 'enforce',
  shared: true,
  jobs: await createBullJobs({
    config: redisJobsSchema.parse(settings.redis),
    actions: ['append_line'],
    log,
    metrics: createMetrics(),
  }),
  async publish(steps) {
    for (const step of steps) {
      const state = responseOf(step)?.state
      crashAt(`before ${state}`)
      appendFileSync(file('log'), `${JSON.stringify(step)}\n`)
      crashAt(`after ${state}`)
    }
  },
  coverage: () => ({ healthy: true, message: 'It is seen.' }),
  peers: () => 100,
  effect_window_ms: 0,
  timeout_ms: 10_000,
  look_after_ms: 1_000,
  now: Date.now,
  log,
  metrics: createMetrics(),
})

function tail() {
  const handle = openSync(file('log'), 'r')
  let rest = ''
  return {
    read(): OcsfEvent[] {
      const piece = Buffer.alloc(1_048_576)
      const length = readSync(handle, piece)
      const lines = (rest + piece.toString('utf8', 0, length)).split('\n')
      rest = lines.pop() ?? ''
      return lines.map((line) => JSON.parse(line) as OcsfEvent)
    },
    close: () => closeSync(handle),
  }
}

/** As the bus does it: again and again while the fault may pass. */
async function handle(findings: OcsfEvent[]) {
  for (;;) {
    try {
      return await responder.handle(findings)
    } catch (error) {
      if (!(error instanceof WeirError) || !error.retryable) throw error
      await sleep(100)
    }
  }
}

const follow = tail()
const past = follow.read()
await responder.start(past, [])
responder.observe(past)
let stopping = false
process.on('SIGTERM', () => {
  stopping = true
})
process.stdout.write('ready\n')
let handling = handle(past.filter((event) => findingOf(event)))
/** Steps are followed until the end: what still runs waits to read its own. */
const observer = setInterval(() => {
  const events = follow.read()
  responder.observe(events)
  const findings = events.filter((event) => findingOf(event))
  if (findings.length > 0 && !stopping) handling = handling.then(() => handle(findings))
}, 5)
while (!stopping) await sleep(5)
await handling
await responder.stop()
clearInterval(observer)
follow.close()
process.exit(0)
