import { messageOf } from '../core/errors.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { type Encoder, encodeBlock, type Rejection } from './encoder.js'
import { columnBuilder } from './native.js'
import { type Cell, type Row, storedColumns, type Table } from './tables/table.js'

/** How an event of a low-volume table becomes rows. An empty list means that the event has none. */
export type RowsOf = (event: OcsfEvent) => readonly Row[]

/** Events to blocks of a table by an explicit mapping. A value its column cannot hold rejects the event, naming the column. */
export function createRowEncoder(table: Table, rowsOf: RowsOf): Encoder {
  const builders = storedColumns(table).map(({ name, type }) => ({ name, type, builder: columnBuilder(type) }))
  let rows = 0

  function appendRow(row: Row): Rejection | undefined {
    for (const { name, type, builder } of builders) {
      const value = row[name]
      if (isDefault(value) || builder.append(rows, value)) continue
      return { reason: 'bad_value', detail: `${table.name}.${name} is ${type} and cannot hold ${describe(value)}` }
    }
    rows++
    return undefined
  }

  /** Takes back the rows from number `first` on, newest first. */
  function takeBack(first: number) {
    for (; rows >= first; rows--) for (const { builder } of builders) builder.discard(rows)
    rows = first
  }

  return {
    rows: () => rows,
    bytes: () => builders.reduce((sum, { builder }) => sum + builder.bytes(), 0),
    append(event) {
      let planned: ReturnType<RowsOf>
      try {
        planned = rowsOf(event)
      } catch (error) {
        // Whoever may write to a topic of a shared bus may leave out what every event has.
        return { reason: 'bad_attribute', detail: messageOf(error) }
      }
      const first = rows
      for (const row of planned) {
        const failed = appendRow(row)
        if (failed) {
          takeBack(first)
          return failed
        }
      }
      return undefined
    },
    finish: () => encodeBlock(builders, rows),
    reset() {
      for (const { builder } of builders) builder.reset()
      rows = 0
    },
  }
}

function isDefault(value: Cell): boolean {
  return (
    value === undefined ||
    value === '' ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  )
}

function describe(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${typeof value} ${text.slice(0, 100)}`
}
