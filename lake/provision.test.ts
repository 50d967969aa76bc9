import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import { analystRoleSql } from './analyst-role.js'
import { distributedTableSql } from './ddl.js'
import { openLake } from './open.js'
import { migrationSql } from './provision.js'
import { tables } from './tables/index.js'

const limits = { max_execution_ms: 30_000, max_memory_bytes: 1e9, max_result_rows: 1_000_000 }

test("the engine's parser takes every statement for a cluster, and they say what they must", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-provision-'))
  const lake = await openLake({ path: join(folder, 'lake') })
  try {
    const cluster = { name: 'c-1', database: 'weir' }
    const statements = [
      ...(await migrationSql(undefined, { events: 7 }, cluster)),
      ...analystRoleSql('weir', limits, cluster),
    ]
    const canonical: string[] = []
    for (const sql of statements) {
      const [row] = await lake.select<{ sql: string }>('SELECT formatQuerySingleLine({sql:String}) AS sql', { sql })
      canonical.push(row?.sql ?? '')
    }
    const said = (pattern: RegExp) =>
      assert.ok(
        canonical.some((sql) => pattern.test(sql)),
        `${pattern}`,
      )
    said(
      /^CREATE TABLE IF NOT EXISTS events_local ON CLUSTER `c-1` .* ENGINE = ReplicatedReplacingMergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'\) .*toIntervalDay\(7\).*replicated_deduplication_window = 1000/,
    )
    said(
      /^CREATE TABLE IF NOT EXISTS events ON CLUSTER `c-1` .* ENGINE = Distributed\(`c-1`, weir, events_local, cityHash64\(workload_uid\)\)/,
    )
    said(/^CREATE TABLE IF NOT EXISTS dead_letters ON CLUSTER .* cityHash64\(metadata_uid\)\)/)
    said(/^CREATE OR REPLACE VIEW events_json ON CLUSTER/)
    // Replaced: limits that were changed reach a role that is there. At least 1: 0 would be no limit.
    said(
      /^CREATE SETTINGS PROFILE OR REPLACE .*weir_analyst.* readonly = 2, max_execution_time = 30 MIN 1 MAX 30, max_memory_usage = 1000000000 MIN 1 MAX 1000000000, max_result_rows = 1000000 MIN 1 MAX 1000000 TO weir_analyst/,
    )
    said(/^CREATE QUOTA OR REPLACE .*weir_analyst/)
    said(/^GRANT ON CLUSTER `c-1` SELECT ON weir\.\* TO weir_analyst/)
    for (const table of tables) {
      const [, key = ''] = /cityHash64\((\w+)\)/.exec(distributedTableSql(table, cluster)) ?? []
      assert.ok(
        table.columns.some(({ name }) => name === key),
        `${table.name} is spread by ${key}`,
      )
    }
    // Every statement but the notes of migrations can be run again.
    for (const sql of canonical) assert.match(sql, /IF NOT EXISTS|OR REPLACE|^GRANT|^INSERT INTO migrations/)
    // What the embedded lake lacks now is nothing, and what it would be given as an empty one is its schema.
    assert.deepEqual(await migrationSql(lake.select), [])
    const schema = readFileSync(join(packageRoot, 'lake', 'schema.sql'), 'utf8')
    for (const sql of await migrationSql())
      if (sql.startsWith('CREATE TABLE IF NOT EXISTS e')) assert.ok(schema.includes(sql))
  } finally {
    await lake.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
