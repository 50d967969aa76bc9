import { chosen } from '../clickhouse.js'
import { coloured, hidden, type Shown, tableOf, unit, width, workload_link, wrapped } from '../look.js'

const states: readonly Shown[] = [
  { value: 'failed', text: 'Failed', color: 'red' },
  { value: 'waiting_approval', text: 'Waiting for approval', color: 'orange' },
  { value: 'proposed', text: 'Proposed', color: 'yellow' },
  { value: 'executing', text: 'Executing', color: 'blue' },
  { value: 'undoing', text: 'Undoing', color: 'blue' },
  { value: 'verified', text: 'Verified', color: 'green' },
  { value: 'planned', text: 'Planned', color: 'purple' },
  { value: 'undone', text: 'Undone', color: 'text' },
  { value: 'rejected', text: 'Rejected', color: 'text' },
]

const modes: readonly Shown[] = [
  { value: 'true', text: 'Dry run', color: 'text' },
  { value: 'false', text: 'For real', color: 'red' },
]

/** Where every response stands. */
export const responses = tableOf(
  {
    title: 'Responses',
    description:
      'The newest state of every response that moved in the time range or is still open, what waits for a person first. ' +
      'A dry run shows what would be done and changes nothing; "Verified" means that the platform was asked and the effect is there.',
  },
  { width: 24, height: 7 },
  `
SELECT max(time) AS "Time",
  argMax(state, step) AS "State",
  argMax(playbook, step) AS "Playbook",
  argMax(action, step) AS "Action",
  argMax(workload_name, step) AS "Workload",
  argMax(dry_run, step) AS "Mode",
  argMax(JSONExtractString(event, 'status_detail'), step) AS "Reason",
  argMax(workload_uid, step) AS "Workload id"
FROM responses FINAL
WHERE time <= $__toTime_ms AND ${chosen}
GROUP BY response_uid
HAVING "Time" >= $__fromTime_ms OR "State" IN ('waiting_approval', 'proposed', 'executing', 'undoing')
ORDER BY indexOf(['waiting_approval', 'proposed', 'failed'], "State") = 0,
  indexOf(['waiting_approval', 'proposed', 'failed'], "State"), "Time" DESC
LIMIT 500`,
)
  .overrideByName('Time', [unit('dateTimeAsIso'), width(165)])
  .overrideByName('State', [...coloured(states, 'background'), width(155)])
  .overrideByName('Playbook', [width(190)])
  .overrideByName('Action', [width(150)])
  .overrideByName('Workload', [workload_link, width(150)])
  .overrideByName('Mode', [...coloured(modes, 'text'), width(90)])
  .overrideByName('Reason', [wrapped])
  .overrideByName('Workload id', [hidden])
