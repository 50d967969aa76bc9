import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type Fields, type JsonRecord, ownEntry } from '../fields.js'

const SEVERITIES: { readonly [word: string]: number } = { low: 2, medium: 3, high: 4, critical: 5 }

function word(fields: Fields | undefined, key: string): string | undefined {
  const value = fields?.any(key)
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value !== undefined) fields?.keep(key)
  return undefined
}

/** An alert of the vulnerability detector; undefined for any other. */
export function vulnerabilityPart(data: Fields | undefined, finding_info: JsonRecord): ClassPart | undefined {
  const vulnerability = data?.object('vulnerability')
  const uid = word(vulnerability, 'cve')
  if (!vulnerability || uid === undefined) return undefined
  const pack = vulnerability.object('package')
  const name = word(pack, 'name')
  const version = word(pack, 'version')
  const severity = word(vulnerability, 'severity')
  const solved = /solved|resolved/i.test(word(vulnerability, 'status') ?? '')
  const reference = word(vulnerability, 'reference')
  const score = Number(word(vulnerability.object('score'), 'base') ?? Number.NaN)
  const score_version = word(vulnerability.object('score'), 'version')
  const affected =
    name === undefined || version === undefined
      ? undefined
      : [defined({ name, version, architecture: word(pack, 'architecture') })]
  const cvss = Number.isFinite(score) ? [{ base_score: score, version: score_version ?? 'unknown' }] : undefined
  return {
    class_uid: CLASS.vulnerability_finding,
    activity_id: solved ? 3 : 1,
    ...(solved ? { status_id: 4 } : {}),
    finding_info,
    ...(severity === undefined ? {} : { severity_id: ownEntry(SEVERITIES, severity.toLowerCase()) ?? 1 }),
    vulnerabilities: [
      defined({
        cve: defined({ uid, cvss }),
        title: word(vulnerability, 'title'),
        desc: word(vulnerability, 'rationale'),
        severity,
        references: reference === undefined ? undefined : [reference],
        affected_packages: affected,
      }),
    ],
  }
}

/** A check of the security configuration assessment; undefined for any other alert. */
export function compliancePart(data: Fields | undefined, finding_info: JsonRecord): ClassPart | undefined {
  const sca = data?.object('sca')
  const check = sca?.object('check')
  const title = word(check, 'title')
  if (!sca || !check || title === undefined) return undefined
  const result = word(check, 'result') ?? ''
  const policy = word(sca, 'policy')
  const remediation = word(check, 'remediation')
  const passed = result === 'passed'
  return defined({
    class_uid: CLASS.compliance_finding,
    activity_id: 1,
    finding_info,
    compliance: defined({
      control: title,
      standards: [policy ?? 'SCA'],
      desc: word(check, 'description'),
      status_id: passed ? 1 : result === 'failed' ? 3 : 0,
    }),
    remediation: remediation === undefined ? undefined : { desc: remediation },
  }) as ClassPart
}
