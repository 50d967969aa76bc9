import { chosen } from '../clickhouse.js'
import { lines, seriesOf, steps, type Words } from '../look.js'

/** Workloads with lines of their own; more cannot be told apart. */
const most = 20

/** One metric, a line for each of the workloads where it is highest. */
function measurement(words: Words, metric: string) {
  const rows = `metric = '${metric}' AND $__timeFilter_ms(time)
    AND ${chosen}`
  return lines(
    seriesOf(
      { title: words.title, description: `${words.description} The ${most} workloads with the highest peak.` },
      { width: 8, height: 8 },
      'workload',
      `
SELECT $__timeInterval(time) AS bucket, any(workload_name) AS workload, workload_uid AS uid, avg(value) AS value
FROM metrics
WHERE ${rows}
  AND workload_uid IN (
    SELECT workload_uid FROM metrics
    WHERE ${rows}
    GROUP BY workload_uid ORDER BY max(value) DESC, workload_uid LIMIT ${most}
  )
GROUP BY bucket, uid
ORDER BY bucket, uid`,
    ),
  )
}

/** Processor time. */
export const cpu = measurement(
  { title: 'CPU', description: 'Share of the processor time; a container may use more than one processor.' },
  'cpu_percent',
).unit('percent')

/** Memory. */
export const memory = measurement(
  { title: 'Memory', description: 'Share of the memory that the workload may use.' },
  'memory_percent',
)
  .unit('percent')
  .max(100)
  .thresholds(
    steps([
      { value: null, color: 'transparent' },
      { value: 90, color: 'red' },
    ]),
  )

/** What leaves. */
export const sent = measurement(
  { title: 'Sent over the network', description: 'Data that leaves is what an attacker is after.' },
  'network_out_bytes_per_s',
).unit('Bps')
