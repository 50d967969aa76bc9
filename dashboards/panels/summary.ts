import { chosen } from '../clickhouse.js'
import { fixed, severities, statOf, steps } from '../look.js'

/** VMs, containers and functions that sent anything. */
export const watched = statOf(
  {
    title: 'Workloads seen',
    description: 'Workloads that sent an event or a measurement in the time range, by kind.',
  },
  { width: 6, height: 4 },
  `
SELECT uniqExactIf(workload_uid, workload_kind = 'vm') AS "VMs",
  uniqExactIf(workload_uid, workload_kind = 'container') AS "Containers",
  uniqExactIf(workload_uid, workload_kind = 'function') AS "Functions"
FROM (
  SELECT DISTINCT workload_uid, workload_kind FROM events WHERE $__timeFilter_ms(time) AND ${chosen}
  UNION DISTINCT
  SELECT DISTINCT workload_uid, workload_kind FROM metrics WHERE $__timeFilter_ms(time) AND ${chosen}
)`,
)
  .overrideByName('VMs', [fixed('blue')])
  .overrideByName('Containers', [fixed('green')])
  .overrideByName('Functions', [fixed('purple')])

const counted = severities.filter(({ value }) => Number(value) >= 1 && Number(value) <= 5)

/** How many findings of each severity. */
export const findingsBySeverity = counted.reduce(
  // A zero stays grey: colour means that there is something to look at.
  (panel, { text, color }) =>
    panel.overrideByName(text, [
      {
        id: 'thresholds',
        value: steps([
          { value: null, color: 'text' },
          { value: 1, color },
        ]).build(),
      },
    ]),
  statOf(
    {
      title: 'Findings by severity',
      description: 'What the detectors found in the time range. The table below says what, where and why.',
    },
    { width: 9, height: 4 },
    `
SELECT ${counted.map(({ value, text }) => `countIf(severity_id = ${value}) AS "${text}"`).join(',\n  ')}
FROM findings FINAL
WHERE $__timeFilter_ms(time) AND ${chosen}`,
  ),
)

/** What needs a person. */
export const waiting = statOf(
  {
    title: 'Responses by state',
    description:
      'Responses that wait for a person at the end of the time range (proposed or waiting for approval, however old), ' +
      'those whose action is in force (a dry run never is), and those that failed.',
  },
  { width: 5, height: 4 },
  `
SELECT countIf(state IN ('proposed', 'waiting_approval')) AS "For you",
  countIf(state IN ('executing', 'verified') AND NOT dry) AS "In force",
  countIf(state = 'failed') AS "Failed"
FROM (
  SELECT argMax(state, step) AS state, argMax(dry_run, step) AS dry
  FROM responses FINAL
  WHERE time <= $__toTime_ms AND ${chosen}
  GROUP BY response_uid
)`,
)
  .overrideByName('For you', [alarm('orange')])
  .overrideByName('In force', [fixed('blue')])
  .overrideByName('Failed', [alarm('red')])

/** What the lake does not see. */
export const blindSpots = statOf(
  {
    title: 'Blind spots',
    description:
      'Sources that are silent, unavailable or degraded by their newest report, and records of the time range that could not ' +
      'become events. Both at the bottom of this page. As long as the first is not zero, "nothing found" proves little.',
  },
  { width: 4, height: 4 },
  `
SELECT
  (SELECT countIf(status != 'Ok') FROM (
    SELECT argMax(status, time) AS status FROM coverage FINAL
    WHERE time <= $__toTime_ms AND time > $__toTime_ms - INTERVAL 7 DAY GROUP BY source_name, source_part
  )) AS "Sources",
  (SELECT count() FROM dead_letters FINAL WHERE $__timeFilter_ms(time)) AS "Dead letters"`,
)
  .overrideByName('Sources', [alarm('red')])
  .overrideByName('Dead letters', [alarm('orange')])

function alarm(color: string) {
  const value = steps([
    { value: null, color: 'green' },
    { value: 1, color },
  ]).build()
  return { id: 'thresholds', value }
}
