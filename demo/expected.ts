import type { DemoReport } from './report.js'

/** What the recorded attack must lead to: rule, and the workload it is about. */
export const EXPECTED: readonly { rule: string; workload: string }[] = []

/** Compares what was found with what the attack must lead to, both ways. */
export function compare(findings: DemoReport['findings']): Pick<DemoReport, 'missing' | 'unexpected'> {
  const key = ({ rule, workload }: { rule: string; workload: string }) => `${rule} on ${workload}`
  const expected = new Set(EXPECTED.map(key))
  const found = new Set(findings.map(key))
  return {
    missing: [...expected].filter((item) => !found.has(item)),
    unexpected: [...found].filter((item) => !expected.has(item)),
  }
}
