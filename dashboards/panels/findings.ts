import { chosen } from '../clickhouse.js'
import { coloured, hidden, severities, tableOf, unit, width, workload_link, wrapped } from '../look.js'

/** What was found, worst first. */
export const findings = tableOf(
  {
    title: 'Findings',
    description:
      'Worst first, then newest. "Seen by" is the evidence family: only what two families see independently, or a person ' +
      'approves, leads to an action. Techniques are MITRE ATT&CK.',
  },
  { width: 24, height: 10 },
  `
SELECT time AS "Time",
  severity_id AS "Severity",
  if(workload_name = '', workload_uid, workload_name) AS "Workload",
  title AS "Title",
  reason AS "Reason",
  arrayStringConcat(techniques, ', ') AS "Techniques",
  family AS "Seen by",
  confidence AS "Confidence",
  length(evidence) AS "Evidence",
  workload_uid AS "Workload id"
FROM findings FINAL
WHERE $__timeFilter_ms(time) AND ${chosen}
ORDER BY severity_id DESC, time DESC
LIMIT 500`,
)
  .overrideByName('Time', [unit('dateTimeAsIso'), width(165)])
  .overrideByName('Severity', [...coloured(severities, 'background'), width(105)])
  .overrideByName('Workload', [workload_link, width(150)])
  .overrideByName('Title', [wrapped, width(260)])
  .overrideByName('Reason', [wrapped])
  .overrideByName('Techniques', [width(120)])
  .overrideByName('Seen by', [width(90)])
  .overrideByName('Confidence', [unit('percent'), width(100)])
  .overrideByName('Evidence', [width(85)])
  .overrideByName('Workload id', [hidden])
