import { coloured, type Shown, seriesOf, stacked, tableOf, unit, width, wrapped } from '../look.js'

const statuses: readonly Shown[] = [
  { value: 'Silent', text: 'Silent', color: 'red' },
  { value: 'Unavailable', text: 'Unavailable', color: 'red' },
  { value: 'Degraded', text: 'Degraded', color: 'orange' },
  { value: 'Ok', text: 'Ok', color: 'green' },
]
const worst_first = `[${statuses.map(({ value }) => `'${value}'`).join(', ')}]`

/** Which sources can be believed. */
export const coverage = tableOf(
  {
    title: 'Coverage',
    description:
      'The newest report of every source in the week before the end of the time range, silent ones first. No data is not no anomaly.',
  },
  { width: 24, height: 7 },
  `
SELECT source_name AS "Source",
  source_part AS "Part",
  argMax(status, time) AS "Status",
  argMax(message, time) AS "What is (not) seen",
  max(time) AS "Reported",
  nullIf(max(last_event_time), toDateTime64(0, 3)) AS "Newest event",
  argMax(lag_ms, time) AS "Behind",
  sum(lost_count) AS "Lost"
FROM coverage FINAL
WHERE time <= $__toTime_ms AND time > $__toTime_ms - INTERVAL 7 DAY
GROUP BY source_name, source_part
ORDER BY indexOf(${worst_first}, "Status"), "Source", "Part"
LIMIT 500`,
)
  .overrideByName('Source', [width(180)])
  .overrideByName('Part', [width(140)])
  .overrideByName('Status', [...coloured(statuses, 'background'), width(115)])
  .overrideByName('What is (not) seen', [wrapped])
  .overrideByName('Reported', [unit('dateTimeFromNow'), width(150)])
  .overrideByName('Newest event', [unit('dateTimeFromNow'), width(150)])
  .overrideByName('Behind', [unit('ms'), width(100)])
  .overrideByName('Lost', [unit('short'), width(90)])

/** How many records could not become events. */
export const deadLettersByReason = stacked(
  seriesOf(
    {
      title: 'Dead letters by reason',
      description: 'Records that could not become events. They are kept with their bytes in the table dead_letters.',
    },
    { width: 8, height: 8 },
    'reason',
    `
SELECT $__timeInterval(time) AS bucket, reason, count() AS letters
FROM dead_letters FINAL
WHERE $__timeFilter_ms(time)
GROUP BY bucket, reason
ORDER BY bucket, reason`,
  ),
)

/** The newest of them. */
export const deadLetters = tableOf(
  {
    title: 'Newest dead letters',
    description: 'What was found and what was expected, with the beginning of the record.',
  },
  { width: 16, height: 8 },
  `
SELECT time AS "Time",
  reason AS "Reason",
  source_instance AS "Source",
  source_format AS "Format",
  detail AS "Detail",
  substringUTF8(raw_data, 1, 200) AS "Record"
FROM dead_letters FINAL
WHERE $__timeFilter_ms(time)
ORDER BY time DESC
LIMIT 100`,
)
  .overrideByName('Time', [unit('dateTimeAsIso'), width(165)])
  .overrideByName('Reason', [width(120)])
  .overrideByName('Source', [width(120)])
  .overrideByName('Format', [width(100)])
  .overrideByName('Detail', [wrapped])
