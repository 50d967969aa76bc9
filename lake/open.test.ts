import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EncodedBlock } from './encoder.js'
import { migrate } from './migrate.js'
import { columnBuilder } from './native.js'
import { openLake } from './open.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-open-test-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'a', 'lake')

test('the folder is private, and opening again changes nothing', async () => {
  const lake = await openLake({ path })
  assert.equal(statSync(path).mode & 0o777, 0o700)
  await lake.close()
  await lake.close()
  await assert.rejects(lake.select('SELECT 1'), { code: 'lake_failed' })
})

test('a missing column, index and view are added, numbered files run once, retention follows the configuration', async () => {
  const lake = await openLake({ path })
  await lake.command('ALTER TABLE events DROP INDEX by_dst_ip')
  // As the first version left it, which had no migrations.
  await lake.command('DROP VIEW events_json')
  await lake.command("ALTER TABLE events ADD COLUMN event String ALIAS 'a large formula'")
  await lake.command('TRUNCATE TABLE migrations')
  await lake.command('ALTER TABLE events DROP COLUMN query_type')
  await lake.command('ALTER TABLE events MODIFY COLUMN type_uid UInt64 ALIAS 1')
  await lake.close()
  const again = await openLake({ path, retention_days: { events: 7, coverage: 0 } })
  const columns = await again.select("SELECT type FROM system.columns WHERE table = 'events' AND name = 'query_type'")
  assert.deepEqual(columns, [{ type: 'LowCardinality(String)' }])
  assert.deepEqual(await again.select('SELECT event FROM events_json'), [])
  const whole =
    "SELECT 1 FROM system.columns WHERE database = currentDatabase() AND table = 'events' AND name = 'event'"
  assert.deepEqual(await again.select(whole), [])
  const [alias] = await again.select<{ sql: string }>(
    "SELECT default_expression AS sql FROM system.columns WHERE table = 'events' AND name = 'type_uid'",
  )
  assert.match(alias!.sql, /class_uid \* 100/)
  assert.deepEqual(await migrate(again, { events: 7, coverage: 0 }), [])
  const indexes = await again.select(
    "SELECT name FROM system.data_skipping_indices WHERE table = 'events' AND name = 'by_dst_ip'",
  )
  assert.equal(indexes.length, 1)
  const engines = await again.select<{ name: string; engine_full: string }>(
    "SELECT name, engine_full FROM system.tables WHERE name IN ('events', 'coverage') ORDER BY name",
  )
  assert.doesNotMatch(engines[0]!.engine_full, /TTL/)
  assert.match(engines[1]!.engine_full, /toIntervalDay\(7\)/)
  await again.close()
})

test('integers of 64 bits are exact, parameters are values, settings do not stay', async () => {
  const lake = await openLake({ path })
  assert.deepEqual(await lake.select('SELECT 18446744073709551615 AS n'), [{ n: '18446744073709551615' }])
  const client = await lake.client.query({ query: 'SELECT 18446744073709551615 AS n', format: 'JSONEachRow' })
  assert.deepEqual(await client.json(), [{ n: '18446744073709551615' }])
  const hostile = "x'; DROP TABLE events; --\n\n"
  assert.deepEqual(await lake.select('SELECT {text:String} AS text', { text: hostile }), [{ text: hostile }])
  const before = await lake.select("SELECT value FROM system.settings WHERE name = 'max_threads'")
  await lake.select('SELECT 1 SETTINGS max_threads = 1')
  await lake.command('OPTIMIZE TABLE events SETTINGS optimize_skip_merged_partitions = 1')
  assert.deepEqual(await lake.select("SELECT value FROM system.settings WHERE name = 'max_threads'"), before)
  await assert.rejects(lake.command('SET max_threads = 1'), { code: 'unsupported' })
  await assert.rejects(lake.select('SELEC 1'), { code: 'lake_failed', retryable: false })
  await lake.close()
})

test('merges give way to everything else', async () => {
  const lake = await openLake({ path })
  const merges = await lake.select(
    "SELECT name, value FROM system.server_settings WHERE name IN ('background_pool_size', 'os_threads_nice_value_merge_mutate') ORDER BY name",
  )
  const threads = Math.max(1, Math.floor(availableParallelism() / 4))
  assert.deepEqual(merges, [
    { name: 'background_pool_size', value: String(threads) },
    { name: 'os_threads_nice_value_merge_mutate', value: '10' },
  ])
  await lake.close()
})

test('every type of the encoder is read by the engine as it was meant', async () => {
  const lake = await openLake({ path })
  await lake.command(
    `CREATE TABLE kinds (n UInt32, a String, b LowCardinality(String), c FixedString(10), d UInt8, e UInt16, f UInt64, g Int32,
     h Int64, i Float64, j Bool, k DateTime64(3), l Array(String)) ENGINE = MergeTree ORDER BY n`,
  )
  const long = 'é'.repeat(200)
  const hostile = '\n\nDROP TABLE kinds\n'
  const values: Record<string, [string, unknown[]]> = {
    n: ['UInt32', [1, 2, 3, 4294967295]],
    a: ['String', [hostile, undefined, long, 'x']],
    b: ['LowCardinality(String)', [undefined, 'w', hostile, 'w']],
    c: ['FixedString(10)', [undefined, undefined, Uint8Array.from({ length: 10 }, () => 65), undefined]],
    d: ['UInt8', [255, undefined, 1, 256]],
    e: ['UInt16', [65535, undefined, 65536, -1]],
    f: ['UInt64', [Number.MAX_SAFE_INTEGER, 99999999999, -1, 2 ** 60]],
    g: ['Int32', [-2147483648, 2147483647, 2147483648, 1.5]],
    h: ['Int64', [-99999999999, undefined, Number.MAX_SAFE_INTEGER, Number.NaN]],
    i: ['Float64', [1.5, -1e300, Number.POSITIVE_INFINITY, 'x']],
    j: ['Bool', [true, undefined, 'yes', true]],
    k: ['DateTime64(3)', [Date.UTC(2026, 0, 5) + 7, -1, Date.UTC(9999, 0, 1), undefined]],
    l: ['Array(String)', [['a', ''], undefined, ['\ud800'], [hostile]]],
  }
  const encoded = encode(values, 4)
  await lake.insertNative({ name: 'kinds' } as never, encoded)
  const rows = await lake.select<Record<string, unknown>>(
    'SELECT * REPLACE toUnixTimestamp64Milli(k) AS k FROM kinds ORDER BY n',
  )
  const nothing = '\0'.repeat(10)
  assert.deepEqual(rows, [
    row(
      1,
      hostile,
      '',
      nothing,
      255,
      65535,
      String(Number.MAX_SAFE_INTEGER),
      -2147483648,
      '-99999999999',
      1.5,
      true,
      String(Date.UTC(2026, 0, 5) + 7),
      ['a', ''],
    ),
    row(2, '', 'w', nothing, 0, 0, '99999999999', 2147483647, '0', -1e300, false, '-1', []),
    row(3, long, hostile, 'A'.repeat(10), 1, 0, '0', 0, String(Number.MAX_SAFE_INTEGER), 0, false, '0', []),
    row(4294967295, 'x', 'w', nothing, 0, 0, '0', 0, '0', 0, true, '0', [hostile]),
  ])
  await lake.close()
})

// Last, because the engine cannot open another folder in this process.
test('a lake this program cannot use is refused, saying why', async () => {
  const lake = await openLake({ path })
  await lake.command('ALTER TABLE metrics MODIFY COLUMN value Float32')
  await lake.close()
  await assert.rejects(openLake({ path }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'conflict')
    assert.match(error.message, /metrics\.value is Float32 and must be Float64/)
    return true
  })
})

function row(...cells: unknown[]) {
  return Object.fromEntries(cells.map((cell, index) => ['nabcdefghijkl'[index], cell]))
}

function encode(values: Record<string, [string, unknown[]]>, rows: number): EncodedBlock {
  const names = Object.keys(values)
  const head = Buffer.from([names.length, rows])
  const chunks: Uint8Array[] = [head]
  const columns: { name: string; type: never }[] = []
  for (const [name, [type, cells]] of Object.entries(values)) {
    const builder = columnBuilder(type as never)
    for (const [index, cell] of cells.entries()) builder.append(index, cell)
    chunks.push(
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([type.length]),
      Buffer.from(type),
      ...builder.finish(rows),
    )
    columns.push({ name, type: type as never })
  }
  return { columns, chunks, rows }
}
