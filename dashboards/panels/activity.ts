import { chosen } from '../clickhouse.js'
import { coloured, fixed, hidden, kinds, seriesOf, stacked, tableOf, unit, width, workload_link } from '../look.js'

/** Every workload with the last sign of life. */
export const workloads = tableOf(
  {
    title: 'Workloads',
    description:
      'Every workload of the time range, the one that was heard last first. "Behaves like" is the group it is compared with: ' +
      'image, function version or role. A click on a name narrows this page to it.',
  },
  { width: 24, height: 8 },
  `
SELECT argMax(workload_name, last) AS "Workload",
  argMax(workload_kind, last) AS "Kind",
  argMax(workload_group, last) AS "Behaves like",
  sum(events) AS "Events",
  sum(measurements) AS "Measurements",
  max(last) AS "Last seen",
  workload_uid AS "Workload id"
FROM (
  SELECT workload_uid, workload_kind, workload_name, workload_group, count() AS events, 0 AS measurements, max(time) AS last
  FROM events WHERE $__timeFilter_ms(time) AND workload_uid != '' AND ${chosen}
  GROUP BY workload_uid, workload_kind, workload_name, workload_group
  UNION ALL
  SELECT workload_uid, workload_kind, workload_name, workload_group, 0 AS events, count() AS measurements, max(time) AS last
  FROM metrics WHERE $__timeFilter_ms(time) AND workload_uid != '' AND ${chosen}
  GROUP BY workload_uid, workload_kind, workload_name, workload_group
)
GROUP BY workload_uid
ORDER BY "Last seen" DESC, "Workload"
LIMIT 500`,
)
  .overrideByName('Workload', [workload_link, width(220)])
  .overrideByName('Kind', [...coloured(kinds, 'text'), width(110)])
  .overrideByName('Events', [unit('short'), width(110)])
  .overrideByName('Measurements', [unit('short'), width(130)])
  .overrideByName('Last seen', [unit('dateTimeFromNow'), width(160)])
  .overrideByName('Workload id', [hidden])

/** Events a minute, one colour a kind of workload. */
export const eventsByKind = stacked(
  seriesOf(
    {
      title: 'Events a minute by kind of workload',
      description: 'Measurements are not counted here. A gap is a source that went silent, not a quiet system.',
    },
    { width: 12, height: 8 },
    'kind',
    `
SELECT $__timeInterval(time) AS bucket,
  if(workload_kind = '', 'no workload', workload_kind) AS kind,
  count() * 60 / $__interval_s AS per_minute
FROM events
WHERE $__timeFilter_ms(time) AND ${chosen}
GROUP BY bucket, kind
ORDER BY bucket, kind`,
  ),
)
  .overrideByName('vm', [fixed('blue')])
  .overrideByName('container', [fixed('green')])
  .overrideByName('function', [fixed('purple')])
  .overrideByName('no workload', [fixed('text')])

/** Events a minute, one colour an OCSF class. */
export const eventsByClass = stacked(
  seriesOf(
    {
      title: 'Events a minute by class',
      description: 'OCSF classes: what happened, whatever product saw it.',
    },
    { width: 12, height: 8 },
    'class',
    `
SELECT $__timeInterval(time) AS bucket,
  class_name AS class,
  count() * 60 / $__interval_s AS per_minute
FROM events
WHERE $__timeFilter_ms(time) AND ${chosen}
GROUP BY bucket, class
ORDER BY bucket, class`,
  ),
)
