import type { OcsfEvent } from '../ocsf/event.js'
import { type Finding, findingOf } from '../ocsf/finding.js'
import { type ResponseRecord, responseOf } from '../responders/record.js'

export type Latencies = { readonly p50: number; readonly p99: number }

/** The real container of `--docker`: its traffic before, in quarantine and after undo, and what did not go as it must. */
export type DockerCheck = {
  container: string
  bytes_per_s: { before: number; quarantined: number; undone: number }
  faults: string[]
}

/** What a demo run found, for people (`reportText`) and machines (`--json`): the same facts. */
export type DemoReport = {
  events: { in: number; stored: number; dropped: number; dead_lettered: number }
  findings: {
    uid: string
    time: string
    detector: string
    family: string
    rule: string
    techniques: readonly string[]
    workload: string
    severity: string
    title: string
    reason: string
    evidence: readonly string[]
  }[]
  responses: {
    uid: string
    action: string
    playbook: string
    workload: string
    state: string
    dry_run: boolean
    reasons: readonly string[]
    steps: readonly string[]
    undo_steps: readonly string[]
  }[]
  latency_ms: { event_to_finding: Latencies; finding_to_plan: Latencies }
  docker?: DockerCheck
  /** What was expected and did not come, and what came unexpectedly; both empty in a good run. */
  missing: string[]
  unexpected: string[]
  seconds: number
}

const SEVERITY = ['unknown', 'informational', 'low', 'medium', 'high', 'critical']

/** The findings of one run, oldest first. */
export function findingFacts(events: readonly OcsfEvent[]): DemoReport['findings'] {
  return events
    .flatMap((event) => findingOf(event) ?? [])
    .sort((a, b) => a.time - b.time)
    .map((finding: Finding) => ({
      uid: finding.uid,
      time: new Date(finding.time).toISOString(),
      detector: finding.detector,
      family: finding.family,
      rule: finding.rule,
      techniques: finding.techniques,
      workload: finding.workload?.name ?? '',
      severity: SEVERITY[finding.severity_id] ?? 'unknown',
      title: finding.title,
      reason: finding.reason,
      evidence: finding.evidence,
    }))
}

/** The newest state of every response. */
export function responseFacts(steps: readonly OcsfEvent[]): DemoReport['responses'] {
  const newest = new Map<string, ResponseRecord>()
  for (const step of steps) {
    const record = responseOf(step)
    if (record && (newest.get(record.uid)?.step ?? -1) < record.step) newest.set(record.uid, record)
  }
  return [...newest.values()].map((record) => ({
    uid: record.uid,
    action: record.action,
    playbook: record.playbook,
    workload: record.workload.name,
    state: record.state,
    dry_run: record.dry_run,
    reasons: record.reasons,
    steps: record.plan?.steps ?? [],
    undo_steps: record.plan?.undo_steps ?? [],
  }))
}

/** Nearest-rank percentiles of ms; NaN without samples. */
export function latencies(samples: readonly number[]): Latencies {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  const round = (ms: number) => Math.round(ms * 100) / 100
  return { p50: round(at(0.5)), p99: round(at(0.99)) }
}

/** The report a person reads. */
export function reportText(report: DemoReport): string {
  const { events, latency_ms } = report
  const lines: string[] = ['', 'Timeline']
  for (const finding of report.findings) {
    lines.push(
      `  ${finding.time.slice(11, 19)}  ${finding.severity.padEnd(8)}  ${finding.workload.padEnd(14)}  ${finding.detector.padEnd(8)} ${finding.title}`,
      ...wrap(finding.reason, 100).map((line) => `            ${line}`),
    )
    if (finding.techniques.length > 0) lines.push(`            ATT&CK ${finding.techniques.join(', ')}`)
  }
  lines.push('', 'Responses')
  for (const response of report.responses) {
    lines.push(
      `  ${response.workload.padEnd(14)}  ${response.action.padEnd(17)} ${response.state}${response.dry_run ? ', dry run' : ''}`,
    )
    for (const reason of response.reasons)
      lines.push(...wrap(`why: ${reason}`, 96).map((line) => `                  ${line}`))
    for (const step of response.steps)
      lines.push(...wrap(`would: ${step}`, 96).map((line) => `                  ${line}`))
    for (const step of response.undo_steps)
      lines.push(...wrap(`undo: ${step}`, 96).map((line) => `                  ${line}`))
  }
  const { in: received, stored, dropped, dead_lettered } = events
  const sum = stored + dropped + dead_lettered
  lines.push(
    '',
    'Numbers',
    `  events in ${received} = stored ${stored} + dropped ${dropped} + dead-lettered ${dead_lettered}${sum === received ? '' : `  MISMATCH: ${sum}`}`,
    `  event -> finding  p50 ${latency_ms.event_to_finding.p50} ms, p99 ${latency_ms.event_to_finding.p99} ms`,
    `  finding -> plan   p50 ${latency_ms.finding_to_plan.p50} ms, p99 ${latency_ms.finding_to_plan.p99} ms`,
    `  took ${report.seconds.toFixed(1)} s`,
    '',
  )
  if (report.docker) {
    const { before, quarantined, undone } = report.docker.bytes_per_s
    const rate = (value: number) => `${Math.round(value)} B/s`
    lines.push(
      `Container ${report.docker.container}: ${rate(before)} before, ${rate(quarantined)} in quarantine, ${rate(undone)} after undo`,
      '',
    )
  }
  for (const missing of report.missing) lines.push(`  MISSING     ${missing}`)
  for (const unexpected of report.unexpected) lines.push(`  UNEXPECTED  ${unexpected}`)
  if (report.missing.length + report.unexpected.length === 0) {
    const changed = report.docker ? 'The quarantine was real, and is undone.' : 'Nothing was changed on this machine.'
    lines.push(`The expected findings were made, and no others. ${changed}`)
  }
  lines.push('')
  return lines.join('\n')
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width && line !== '') {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  lines.push(line)
  return lines
}
