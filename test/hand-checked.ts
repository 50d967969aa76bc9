import type { OcsfEvent } from '../ocsf/event.js'

/**
 * What is checked of an event first, in one line: `class activity | status | actor | target | workload`, with `-` for
 * what the source does not name.
 */
export function inShort(event: OcsfEvent): string {
  const { actor, user } = event
  const who = actor?.user?.name ?? actor?.user?.uid ?? actor?.app_name ?? actor?.app_uid ?? actor?.process?.name
  const finding = event.vulnerabilities?.[0] ?? {}
  const what =
    event.resources?.[0] ?? event.entity ?? event.package ?? event.evidences?.[0]?.process ?? event.dst_endpoint ?? {}
  const issue = finding.cve?.uid ?? finding.advisory?.uid ?? event.compliance?.control
  const target = [what.name ?? what.uid ?? what.hostname ?? what.ip, what.port, issue].filter(Boolean).join(' ')
  const parts = [
    `${event.class_uid} ${event.activity_name}`,
    event.status ?? '-',
    who ?? user?.name ?? '-',
    target === '' ? '-' : target,
    event.workload?.uid ?? '-',
  ]
  return parts.join(' | ')
}
