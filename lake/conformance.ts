import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { WeirError } from '../core/errors.js'
import { type EncodedBlock, encodeBlock } from './encoder.js'
import { isDataFault } from './engine-errors.js'
import { migrate } from './migrate.js'
import { columnBuilder } from './native.js'
import type { Lake } from './port.js'
import { tables } from './tables/index.js'
import type { ColumnType, Table } from './tables/table.js'

const types: Record<string, ColumnType> = {
  n: 'UInt32',
  a: 'String',
  b: 'LowCardinality(String)',
  c: 'FixedString(10)',
  f: 'UInt64',
  h: 'Int64',
  i: 'Float64',
  j: 'Bool',
  k: 'DateTime64(3)',
  l: 'Array(String)',
}

const hostile = "\n\nDROP TABLE events; '\\'\u0001\n"

/** A block of rows; cells that are left out are not sent. */
function block(rows: readonly Record<string, unknown>[], of: Record<string, ColumnType> = types): EncodedBlock {
  const builders = Object.entries(of).map(([name, type]) => ({ name, builder: columnBuilder(type) }))
  for (const [index, row] of rows.entries()) {
    for (const { name, builder } of builders) if (row[name] !== undefined) builder.append(index, row[name])
  }
  return encodeBlock(builders, rows.length)
}

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ n: from + index, a: `row ${from + index}`, b: `w${index % 7}` }))

/** What every adapter of the lake must do. `open` gives the same lake each time; the suite closes what it opens. */
export function lakeConformance(name: string, open: () => Promise<Lake>) {
  const withLake = (what: string, body: (lake: Lake) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const lake = await open()
      try {
        await body(lake)
      } finally {
        await lake.close()
      }
    })

  /** A table of its own for one test. */
  async function freshTable(lake: Lake, engine = 'MergeTree ORDER BY n'): Promise<Table> {
    const table = `t_${randomUUID().replaceAll('-', '')}`
    const columns = Object.entries(types).map(([column, type]) => `${column} ${type}`)
    await lake.command(
      `CREATE TABLE ${table} (${columns.join(', ')}) ENGINE = ${engine} SETTINGS non_replicated_deduplication_window = 100`,
    )
    return { name: table } as Table
  }

  const count = async (lake: Lake, table: Table) =>
    Number((await lake.select<{ n: string }>(`SELECT count() AS n FROM ${table.name}`))[0]?.n)

  withLake('every table is there, and bringing it up to date again changes nothing', async (lake) => {
    const found = await lake.select<{ name: string }>(
      'SELECT name FROM system.tables WHERE database = currentDatabase()',
    )
    for (const table of tables) assert.ok(found.some((row) => row.name === table.name))
    assert.deepEqual(await migrate(lake), [])
    assert.deepEqual(await lake.health(), { fault: undefined })
  })

  withLake('blocks come back as they were written', async (lake) => {
    const table = await freshTable(lake)
    const rows = [
      {
        n: 4294967295,
        a: hostile,
        b: hostile,
        c: Buffer.from('0123456789'),
        f: Number.MAX_SAFE_INTEGER,
        h: -99999999999,
        i: -1e300,
        j: true,
        k: Date.UTC(2026, 0, 5) + 7,
        l: [hostile, ''],
      },
      { n: 1, a: 'é'.repeat(70_000), b: 'w' },
    ]
    await lake.insertNative(table, block(rows))
    const back = await lake.select(`SELECT * REPLACE toUnixTimestamp64Milli(k) AS k FROM ${table.name} ORDER BY n DESC`)
    assert.deepEqual(back[0], {
      ...rows[0],
      c: '0123456789',
      f: String(Number.MAX_SAFE_INTEGER),
      h: '-99999999999',
      k: String(Date.UTC(2026, 0, 5) + 7),
    })
    assert.equal(back[1]?.a, rows[1]?.a)
    assert.equal(await count(lake, table), 2)
  })

  withLake('a block whose token was used is not written again; another one is', async (lake) => {
    const table = await freshTable(lake)
    for (const token of ["a'1", "a'1", 'b']) await lake.insertNative(table, block(numbered(0, 10)), token)
    assert.equal(await count(lake, table), 20)
  })

  withLake('a block the table cannot hold is a fault of the data and leaves nothing behind', async (lake) => {
    const table = await freshTable(lake)
    const odd = block([{ n: 1, k: 'not a time' }], { n: 'UInt32', k: 'String' })
    const cut = block(numbered(0, 100))
    const short = { ...cut, chunks: [Buffer.concat(cut.chunks).subarray(0, 300)] }
    for (const bad of [odd, short]) {
      await assert.rejects(lake.insertNative(table, bad), (error) => {
        assert.ok(error instanceof WeirError && !error.retryable, String(error))
        assert.ok(isDataFault(error), String(error))
        return true
      })
    }
    assert.equal(await count(lake, table), 0)
  })

  withLake('parameters are values, integers of 64 bits are exact, settings do not stay', async (lake) => {
    assert.deepEqual(await lake.select('SELECT 18446744073709551615 AS n'), [{ n: '18446744073709551615' }])
    assert.deepEqual(await lake.select('SELECT {text:String} AS text', { text: hostile }), [{ text: hostile }])
    const list = Array.from({ length: 20_000 }, (_, index) => `vm/${index}'`)
    const [row] = await lake.select(
      'SELECT length({list:Array(String)}) AS n, has({list:Array(String)}, {last:String}) AS h',
      {
        list,
        last: "vm/19999'",
      },
    )
    assert.deepEqual(row, { n: '20000', h: 1 })
    await lake.select('SELECT 1 SETTINGS max_threads = 1')
    const [setting] = await lake.select<{ changed: number }>(
      "SELECT changed FROM system.settings WHERE name = 'max_threads'",
    )
    assert.equal(Number(setting?.changed), 0)
  })

  withLake('a result as bytes', async (lake) => {
    const bytes = await lake.selectBytes('SELECT number FROM numbers(3)', 'RowBinary')
    assert.equal(Buffer.from(bytes).readBigUInt64LE(16), 2n)
    assert.equal(bytes.byteLength, 24)
    const large = await lake.selectBytes('SELECT number FROM numbers(3000000)', 'RowBinary')
    assert.equal(large.byteLength, 24_000_000)
  })

  withLake('statements that are wrong, several, or change later ones are refused', async (lake) => {
    await assert.rejects(lake.select('SELEC 1'), { code: 'lake_failed', retryable: false })
    await assert.rejects(lake.select('SELECT 1; SELECT 2'), { code: 'unsupported' })
    await assert.rejects(lake.command("SELECT ';'; DROP TABLE events"), { code: 'unsupported' })
    await assert.rejects(lake.command('SET max_threads = 1'), { code: 'unsupported' })
    assert.deepEqual(await lake.select("SELECT ';' AS a;"), [{ a: ';' }])
  })

  withLake('inserts and reads at the same time', async (lake) => {
    const table = await freshTable(lake)
    await Promise.all([
      ...Array.from({ length: 20 }, (_, part) => lake.insertNative(table, block(numbered(part * 500, 500)))),
      ...Array.from({ length: 20 }, async () => assert.ok((await count(lake, table)) % 500 === 0)),
    ])
    const [row] = await lake.select(`SELECT count() AS rows, uniqExact(n) AS u, max(n) AS m FROM ${table.name}`)
    assert.deepEqual(row, { rows: '10000', u: '10000', m: 9999 })
  })

  withLake('a table that takes no rows for now is a fault that passes', async (lake) => {
    const table = await freshTable(lake)
    await lake.command(`ALTER TABLE ${table.name} MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1`)
    await lake.insertNative(table, block(numbered(0, 1)))
    await lake.insertNative(table, block(numbered(1, 1))).catch(() => {})
    await assert.rejects(lake.insertNative(table, block(numbered(2, 1))), { retryable: true })
  })

  withLake('after close it refuses, and close may be called twice', async (lake) => {
    await lake.close()
    await assert.rejects(lake.select('SELECT 1'), { code: 'lake_failed' })
    await lake.close()
  })
}
