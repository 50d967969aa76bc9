import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandSql, type PanelContext } from './macros.js'

const context: PanelContext = {
  from: Date.UTC(2026, 0, 12, 8, 0, 0, 250),
  to: Date.UTC(2026, 0, 12, 9),
  interval_ms: 90_500,
  variables: {
    kind: { chosen: 'all', options: ['vm', 'container'] },
    workload: { chosen: ['vm/i-1', "container/o'neil"], options: ['vm/i-1'] },
    one: { chosen: ['5m'], options: [] },
    none: { chosen: [], options: [] },
  },
}

const cases: readonly (readonly [title: string, sql: string, expanded: string])[] = [
  [
    'the range in milliseconds',
    'WHERE $__timeFilter_ms(time)',
    'WHERE time >= fromUnixTimestamp64Milli(1768204800250) AND time <= fromUnixTimestamp64Milli(1768208400000)',
  ],
  [
    'the range in seconds',
    'WHERE $__timeFilter(time)',
    'WHERE time >= toDateTime(1768204800) AND time <= toDateTime(1768208400)',
  ],
  ['the range in days', '$__dateFilter(day)', "day >= toDate('2026-01-12') AND day <= toDate('2026-01-12')"],
  [
    'days and seconds',
    '$__dateTimeFilter(day, at) OR $__dt(day, at)',
    "(day >= toDate('2026-01-12') AND day <= toDate('2026-01-12')) AND (at >= toDateTime(1768204800) AND at <= toDateTime(1768208400)) OR (day >= toDate('2026-01-12') AND day <= toDate('2026-01-12')) AND (at >= toDateTime(1768204800) AND at <= toDateTime(1768208400))",
  ],
  [
    'ends of the range',
    '$__fromTime $__toTime, $__fromTime_ms, $__toTime_ms',
    'toDateTime(1768204800) toDateTime(1768208400), fromUnixTimestamp64Milli(1768204800250), fromUnixTimestamp64Milli(1768208400000)',
  ],
  [
    'buckets: whole seconds, or milliseconds',
    '$__timeInterval(time), $__timeInterval_ms(time), $__interval_s',
    'toStartOfInterval(toDateTime(time), INTERVAL 90 second), toStartOfInterval(toDateTime64(time, 3), INTERVAL 90500 millisecond), 90',
  ],
  [
    'an argument with parentheses and commas inside',
    '$__timeFilter(ifNull(a, b))',
    'ifNull(a, b) >= toDateTime(1768204800) AND ifNull(a, b) <= toDateTime(1768208400)',
  ],
  ['All is no condition', '$__conditionalAll(k IN (${kind:singlequote}), $kind)', '1=1'],
  ['no choice is no condition', '$__conditionalAll(k = $none, $none)', '1=1'],
  [
    'a choice is a condition, its values are literals',
    '$__conditionalAll(w IN (${workload:singlequote}), $workload) AND x',
    "w IN ('vm/i-1','container/o\\'neil') AND x",
  ],
  ['All outside of a condition is every value', 'k IN (${kind:singlequote})', "k IN ('vm','container')"],
  ['one value without a format is the value', '$one ${one}', '5m 5m'],
]
for (const [title, sql, expanded] of cases) test(title, () => assert.equal(expandSql(sql, context), expanded))

test('what the data source does not know is an error here, not a surprise in Grafana', () => {
  assert.throws(() => expandSql('$__timeFiltre(time)', context), /no macro \$__timeFiltre/)
  assert.throws(() => expandSql('$__timeFilter()', context), /wants 1 arguments and got 0/)
  assert.throws(() => expandSql('${workloads}', context), /no variable workloads/)
  assert.throws(() => expandSql('${workload:sqlstring}', context), /format sqlstring/)
  assert.throws(() => expandSql('$__timeFilter(time', context), /not closed/)
})
