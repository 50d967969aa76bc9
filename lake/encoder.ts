import type { OcsfEvent } from '../ocsf/event.js'
import { blockHead, type ColumnBuilder, columnHead } from './native.js'
import type { ColumnType } from './tables/table.js'
import type { UidParts } from './uid.js'

/** Why an event cannot be a row of this table. */
export type Rejection = { readonly reason: string; readonly detail: string }

/** The columns of a block that hold anything, and its bytes in Native format. Valid until the encoder is reset. */
export type EncodedBlock = {
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
  readonly chunks: readonly Uint8Array[]
  readonly rows: number
}

/** Makes a block of a table out of events, one by one. */
export type Encoder = {
  /** Rows so far. */
  rows(): number
  /** Bytes so far, about. */
  bytes(): number
  /** Appends the rows of one event; `uid` is its uid taken apart, if the caller has it. On a rejection nothing was appended. */
  append(event: OcsfEvent, uid?: UidParts): Rejection | undefined
  finish(): EncodedBlock
  /**
   * The events of the rows so far, read back from the columns: whoever uses an encoder with this need not keep events
   * in case the block is refused. Absent where an event is not one row.
   */
  events?(): OcsfEvent[]
  reset(): void
}

/** Encodes the touched columns; the first column goes even if untouched, so that the block has rows. */
export function encodeBlock(builders: readonly { name: string; builder: ColumnBuilder }[], rows: number): EncodedBlock {
  const sent = builders.filter(({ builder }, index) => index === 0 || builder.touched)
  const chunks: Uint8Array[] = [blockHead(sent.length, rows)]
  for (const { name, builder } of sent) chunks.push(columnHead(name, builder.type), ...builder.finish(rows))
  return { columns: sent.map(({ name, builder }) => ({ name, type: builder.type })), chunks, rows }
}
