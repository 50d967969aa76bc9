import type { Workload } from '../ocsf/event.js'
import type { Finding } from '../ocsf/finding.js'
import type { Playbook } from './playbook.js'

/** A finding about a workload: what has no workload cannot be acted on. */
export type WorkloadFinding = Finding & { readonly workload: Workload }

/** What the decision may know about the world; all of it given in, so that it stays a pure function. */
export type Circumstances = {
  /** Wall clock, ms since 1970. */
  readonly now: number
  /** Is the workload seen without gaps? `message` says why not. */
  readonly coverage: { readonly healthy: boolean; readonly message: string }
  /** Times this playbook acted in the last hour. */
  readonly acted_last_hour: number
  /** Workloads of the same group: how many there are, and how many are down because of a response. */
  readonly peers: { readonly total: number; readonly down: number }
  /** The person who approved, if one did. */
  readonly approved_by?: string
}

/** act: go on; ask: verified, a person must agree; propose: not certain or not allowed, a person must look. */
export type Decision = { readonly verdict: 'act' | 'ask' | 'propose'; readonly reasons: readonly string[] }

const SEVERITIES = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 }

/** Whether this finding starts this playbook. */
export function matches(playbook: Playbook, finding: WorkloadFinding): boolean {
  const { match } = playbook
  const { workload } = finding
  return (
    finding.severity_id >= SEVERITIES[match.min_severity] &&
    (match.kinds.length === 0 || match.kinds.includes(workload.kind)) &&
    (match.families.length === 0 || match.families.includes(finding.family)) &&
    (match.rules.length === 0 || match.rules.some((glob) => globMatches(glob, finding.rule))) &&
    (match.workloads.length === 0 ||
      match.workloads.some((glob) => names(workload).some((n) => globMatches(glob, n)))) &&
    (match.techniques.length === 0 ||
      match.techniques.some((wanted) => finding.techniques.some((t) => t === wanted || t.startsWith(`${wanted}.`))))
  )
}

/**
 * Verify, guard, approve (design.md section 7). `findings` are all findings about the workload, also those that did not
 * start the playbook: an independent family may see the same attack differently.
 */
export function decide(playbook: Playbook, findings: readonly WorkloadFinding[], world: Circumstances): Decision {
  const workload = findings[0]?.workload
  if (!workload) return { verdict: 'propose', reasons: ['There is no finding.'] }
  const doubts = [...unverified(playbook, findings, world), ...guarded(playbook, workload, world)]
  if (doubts.length > 0) return { verdict: 'propose', reasons: doubts }
  const certain = world.approved_by
    ? `Approved by ${world.approved_by}.`
    : agreement(familiesWithin(playbook, findings), workload)
  if (needsApproval(playbook, findings) && !world.approved_by) {
    return { verdict: 'ask', reasons: [certain, `Playbook ${playbook.name} asks a person first.`] }
  }
  return { verdict: 'act', reasons: [certain, world.coverage.message] }
}

function agreement(families: readonly string[], workload: Workload): string {
  return families.length === 1
    ? `Reported by ${families[0]}; this playbook asks for no second family.`
    : `${families.length} independent families agree about ${workload.name}: ${families.join(', ')}.`
}

function unverified(playbook: Playbook, findings: readonly WorkloadFinding[], world: Circumstances): string[] {
  if (world.approved_by) return []
  const reasons: string[] = []
  const families = familiesWithin(playbook, findings)
  if (families.length < playbook.verify.families) {
    reasons.push(
      `Only ${families.join(', ')} reported it; ${playbook.verify.families} independent families must agree within ${playbook.verify.window_ms / 60_000} min.`,
    )
  }
  if (playbook.verify.coverage && !world.coverage.healthy) reasons.push(world.coverage.message)
  return reasons
}

function guarded(playbook: Playbook, workload: Workload, world: Circumstances): string[] {
  const { guard } = playbook
  const reasons: string[] = []
  const glob = guard.protect.find((pattern) => names(workload).some((name) => globMatches(pattern, name)))
  if (glob) reasons.push(`${workload.name} is protected by "${glob}".`)
  const label = Object.entries(guard.protect_labels).find(([key, value]) => workload.labels?.[key] === value)
  if (label) reasons.push(`${workload.name} is protected by its label ${label[0]}=${label[1]}.`)
  if (world.acted_last_hour >= guard.max_per_hour) {
    reasons.push(
      `${playbook.name} has acted ${world.acted_last_hour} times in the last hour, its limit is ${guard.max_per_hour}.`,
    )
  }
  const allowed = Math.max(1, Math.floor(world.peers.total * guard.max_peer_share))
  if (world.peers.down + 1 > allowed) {
    reasons.push(
      `${world.peers.down} of ${world.peers.total} workloads like ${workload.name} are already down, at most ${allowed} may be.`,
    )
  }
  const quiet = guard.quiet_hours.find((range) => isWithin(range, world.now))
  if (quiet && !world.approved_by) reasons.push(`It is quiet time (${quiet} UTC).`)
  return reasons
}

function needsApproval(playbook: Playbook, findings: readonly WorkloadFinding[]): boolean {
  if (playbook.approve === 'never') return false
  return playbook.approve === 'always' || !findings.some((finding) => finding.severity_id >= SEVERITIES.critical)
}

/** Families that reported within the window that ends with the newest finding. */
function familiesWithin(playbook: Playbook, findings: readonly WorkloadFinding[]): string[] {
  const newest = Math.max(...findings.map((finding) => finding.time))
  const recent = findings.filter((finding) => newest - finding.time <= playbook.verify.window_ms)
  return [...new Set(recent.map((finding) => finding.family))].sort()
}

function names(workload: Workload): string[] {
  return [workload.name, workload.uid, workload.group]
}

function isWithin(range: string, now: number): boolean {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))
  const [from = 0, to = 0] = range.split('-').map(minutes)
  const at = Math.floor(now / 60_000) % 1_440
  return from <= to ? at >= from && at < to : at >= from || at < to
}

/** `*` is any text, everything else is itself. */
function globMatches(glob: string, text: string): boolean {
  const parts = glob.split('*')
  if (parts.length === 1) return glob === text
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > text.length - last.length) return false
    at = found + part.length
  }
  return true
}
