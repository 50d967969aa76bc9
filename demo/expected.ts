import type { DemoReport } from './report.js'

/** What the recorded attack must lead to: rules, by the workload they are about. */
const EXPECTED: { readonly [workload: string]: readonly string[] } = {
  // A stranger reaches the Docker API ...
  'shop-host-1': ['docker_api_used_from_outside', 'first_seen_port'],
  // ... fetches a miner into a container and starts it ...
  'shop-api': [
    'download_piped_to_shell',
    'program_in_hidden_folder',
    'coin_miner_process',
    'mining_pool_connection',
    'first_seen_process',
    'first_seen_parent',
    'first_seen_peer',
    'unusual_process',
    'unusual_metric',
  ],
  // ... and uses the credentials of the function from outside.
  'invoice-export': [
    'aws_function_role_discovery',
    'aws_function_credentials_outside',
    'aws_user_made_by_workload',
    'first_seen_api_call',
    'first_seen_api_source',
    'unusual_api',
  ],
}

/** Compares what was found with what the attack must lead to, both ways. */
export function compare(findings: DemoReport['findings']): Pick<DemoReport, 'missing' | 'unexpected'> {
  const key = ({ rule, workload }: { rule: string; workload: string }) => `${rule} on ${workload}`
  const expected = new Set(
    Object.entries(EXPECTED).flatMap(([workload, rules]) => rules.map((rule) => key({ rule, workload }))),
  )
  const found = new Set(findings.map(key))
  return {
    missing: [...expected].filter((item) => !found.has(item)),
    unexpected: [...found].filter((item) => !expected.has(item)),
  }
}
