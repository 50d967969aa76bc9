import type { BehaviourPart } from '../../models/behaviour.js'
import type { FeatureRow } from '../../models/feature-window.js'
import type { EvidenceSource } from '../../models/features.js'
import type { FindingDraft } from '../contract.js'

/** Parts of a score below this share are noise next to the others. */
const WORTH_NAMING = 0.01

export type Verdict = {
  readonly score: number
  readonly threshold: number
  readonly parts: readonly BehaviourPart[]
  /** Minutes known of the group. */
  readonly history: number
  /** The group is young: its spreads are those of its kind. */
  readonly provisional: boolean
}

/**
 * The features worth naming, at most three, at least one. One that is only wrong next to the others (traffic that
 * is ordinary by itself) would puzzle the reader.
 */
export function leadingParts(verdict: Verdict): BehaviourPart[] {
  const telling = verdict.parts.filter((part) => part.share >= WORTH_NAMING && Math.abs(part.spreads) >= 1)
  return (telling.length > 0 ? telling : verdict.parts).slice(0, Math.min(3, Math.max(1, telling.length)))
}

const KINDS: { readonly [source in EvidenceSource]: string } = {
  process: 'process activity',
  network: 'network activity',
  dns: 'name resolution',
  file: 'file activity',
  logon: 'log-ins',
  api: 'API activity',
  metric: 'resource use',
  lifecycle: 'life cycle',
}

/** Rule and title, by what stands out most: so that a miner is not a repeat of the shell that brought it. */
export function kindOfFinding(row: FeatureRow, verdict: Verdict): { rule: string; title: string } {
  const source = leadingParts(verdict)[0]?.feature.source ?? 'process'
  const { kind, name } = row.workload
  return { rule: `unusual_${source}`, title: `Unusual ${KINDS[source]} of ${kind} ${name}` }
}

/** One or two sentences: what was unusual, next to what is usual, and compared with what. */
export function reasonOf(row: FeatureRow, verdict: Verdict): string {
  const { workload } = row
  const parts = leadingParts(verdict).map(
    ({ feature, value, usual }) =>
      `${feature.words} ${amount(value, feature.unit)} (usual ${amount(usual, feature.unit)})`,
  )
  const when = new Date(row.minute).toISOString().slice(11, 16)
  const compared = verdict.provisional
    ? `the first ${verdict.history} minutes of ${workload.group} and the spread of all ${workload.kind}s, because it is new here`
    : `${verdict.history} minutes of ${workload.group}`
  const times = (verdict.score / verdict.threshold).toFixed(1)
  return `In the minute from ${when} UTC ${workload.kind} ${workload.name} did not behave as usual: ${parts.join(', ')}. Compared with ${compared}; ${times} times the alert level.`
}

/** How bad, from how far above the threshold: 2 low, 3 medium, 4 high. */
export function severityOf({ score, threshold }: Verdict): FindingDraft['severity_id'] {
  const times = score / threshold
  return times >= 4 ? 4 : times >= 1.5 ? 3 : 2
}

/** 50 at the threshold, 15 more each time the score doubles, less when the group is young. */
export function confidenceOf({ score, threshold, provisional }: Verdict): number {
  const confidence = 50 + 15 * Math.log2(Math.max(1, score / threshold))
  return Math.round(Math.min(95, confidence)) - (provisional ? 20 : 0)
}

/**
 * What attackers do that looks like this: a guess from the features that rose, offered as a start for the reader.
 * Empty where the numbers do not point anywhere.
 */
export function techniquesOf(verdict: Verdict): string[] {
  const risen = new Set(
    verdict.parts.filter((part) => part.share >= WORTH_NAMING && part.spreads >= 1).map((part) => part.feature.name),
  )
  const has = (...names: string[]) => names.some((name) => risen.has(name))
  const techniques: string[] = []
  if (has('cpu_percent')) techniques.push('T1496')
  if (has('api_calls', 'api_operations', 'api_services', 'api_sources', 'api_denied', 'api_errors')) {
    techniques.push('T1078.004')
    if (has('api_operations', 'api_services')) techniques.push('T1580')
  }
  if (has('shell_launches', 'tool_launches', 'temporary_launches')) techniques.push('T1059')
  if (has('logon_failures')) techniques.push('T1110')
  if (has('ports', 'connections_failed')) techniques.push('T1046')
  return techniques
}

function amount(value: number, unit: string): string {
  if (unit === 'percent') return `${round(value)} %`
  if (unit === 'ms') return value >= 10_000 ? `${round(value / 1000)} s` : `${round(value)} ms`
  if (unit === 'bytes' || unit === 'bytes_per_s') {
    const suffix = unit === 'bytes' ? '' : '/s'
    for (const [size, name] of [
      [1e9, 'GB'],
      [1e6, 'MB'],
      [1e3, 'kB'],
    ] as const) {
      if (value >= size) return `${round(value / size)} ${name}${suffix}`
    }
    return `${Math.round(value)} B${suffix}`
  }
  return round(value)
}

function round(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toFixed(1)))
}
