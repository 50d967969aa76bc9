import type { App } from './app.js'
import type { WeirConfig } from './config.js'
import { ROLES, type Role } from './roles/role.js'
import { version } from './version.js'

const number = (value: number) => Math.round(value).toLocaleString('en-US')

/** What `weir up` says once it runs: what it watches, what it cannot and why, and where to ask. */
export function startScreen(app: App, config: WeirConfig): string {
  const lines: [string, string][] = []
  const has = (role: Role) => app.roles.includes(role)
  if (app.roles.length < ROLES.length) lines.push(['runs', app.roles.join(', ')])
  for (const { instance, running, line, limits } of has('ingest') ? app.collectors.states() : []) {
    lines.push([running ? 'watches' : 'cannot', `${instance.padEnd(8)} ${line}`])
    for (const limit of limits) lines.push(['cannot', `${instance.padEnd(8)} ${limit}`])
  }
  if (has('detect')) lines.push(['detects', Object.keys(config.detectors).join(', ')])
  const mode =
    config.mode === 'enforce'
      ? 'enforce: verified responses are carried out'
      : 'dry run: responses are planned, nothing is changed'
  if (has('respond')) lines.push(['responds', mode])
  const url = app.endpoint?.url()
  if (url) {
    lines.push(['SQL', url])
    lines.push(['', `curl '${url}/?query=SELECT+class_name,count()+FROM+events+GROUP+BY+1+FORMAT+PrettyCompact'`])
  }
  const health = app.http.url()
  if (health) lines.push(['health', `${health}/ready   ${health}/metrics`])
  lines.push(['stop', 'Ctrl-C'])
  return `\nWeir ${version}\n\n${lines.map(([label, text]) => `  ${label.padEnd(9)} ${text}\n`).join('')}\n`
}

const before = new WeakMap<App, { time: number; events: number }>()

/** One line about the state of things; the rate is since the last one. */
export function summaryLine(app: App): string {
  const { metrics } = app
  const has = (role: Role) => app.roles.includes(role)
  const events = metrics.total('events_published')
  const now = Date.now()
  const last = before.get(app)
  before.set(app, { time: now, events })
  const rate = last ? ((events - last.events) * 1_000) / Math.max(1, now - last.time) : 0
  const workloads = Object.entries(app.sightings.kinds())
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`)
  const parts = [
    `events ${number(events)} (${number(rate)}/s)`,
    workloads.join(', ') || 'no workload yet',
    ...(has('detect') ? [`findings ${number(app.engine.stats().findings)}`] : []),
    ...(has('respond') ? [`responses ${number(app.responder.state().length)}`] : []),
    `dropped ${number(metrics.total('records_dropped'))}`,
    `dead letters ${number(metrics.total('records_rejected'))}`,
  ]
  return `${new Date(now).toISOString().slice(11, 19)}  ${parts.join('   ')}\n`
}
