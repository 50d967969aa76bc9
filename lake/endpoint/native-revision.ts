import { sqlException } from './exception.js'

/** Since this revision every block begins with a block info. */
const block_info_revision = 51_903
/** Since this revision every column says whether its serialization is a special one. */
const custom_serialization_revision = 54_454

// Field 1: no overflow rows; field 2: bucket -1, meaning none; 0 ends the list.
const blockInfo = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const plainSerialization = Buffer.from([0])

/** Settings under which the blocks hold only types this file can measure: JSON comes as the text it stands for. */
export const measurableTypes: ReadonlyMap<string, string> = new Map([
  ['output_format_native_write_json_as_string', '1'],
])

/**
 * Native blocks as a client of this protocol revision reads them (clickhouse-go, and with it Grafana, asks for one by
 * `client_protocol_version`). The embedded engine knows only revision 0, so what later revisions put between the
 * columns is added here. Throws NOT_IMPLEMENTED for a type whose length cannot be told.
 */
export async function* atRevision(pieces: AsyncIterable<Uint8Array>, revision: number): AsyncGenerator<Uint8Array> {
  if (revision < block_info_revision) {
    yield* pieces
    return
  }
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    yield Buffer.concat(blocks(bytes, revision >= custom_serialization_revision))
  }
}

function blocks(bytes: Buffer, hasSerialization: boolean): Buffer[] {
  const out: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    out.push(blockInfo)
    const columns = varint(bytes, at)
    const rows = varint(bytes, columns.end)
    out.push(bytes.subarray(at, rows.end))
    at = rows.end
    for (let column = 0; column < columns.value; column++) {
      const name = varint(bytes, at)
      const type = varint(bytes, name.end + name.value)
      const data = type.end + type.value
      out.push(bytes.subarray(at, data))
      if (hasSerialization) out.push(plainSerialization)
      at = rows.value === 0 ? data : columnEnd(bytes, bytes.toString('utf8', type.end, data), data, rows.value)
      out.push(bytes.subarray(data, at))
    }
  }
  return out
}

function varint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0
  let scale = 1
  for (let at = start; ; at++) {
    const byte = bytes.readUInt8(at)
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, end: at + 1 }
    scale *= 128
  }
}

function columnEnd(bytes: Buffer, type: string, at: number, rows: number): number {
  const { prefix, end } = layout(type)
  return end(bytes, at + prefix, rows)
}

/** Where so many values that begin at `at` end. */
type Measure = (bytes: Buffer, at: number, rows: number) => number

type Layout = {
  /** Bytes at the very beginning of a column, before the values, that say how they are written. */
  readonly prefix: number
  readonly end: Measure
}

const widths: Readonly<Record<string, number>> = {
  Nothing: 1,
  Bool: 1,
  Int8: 1,
  UInt8: 1,
  Enum8: 1,
  Int16: 2,
  UInt16: 2,
  Enum16: 2,
  BFloat16: 2,
  Date: 2,
  Int32: 4,
  UInt32: 4,
  Float32: 4,
  Date32: 4,
  DateTime: 4,
  Time: 4,
  IPv4: 4,
  Int64: 8,
  UInt64: 8,
  Float64: 8,
  DateTime64: 8,
  Time64: 8,
  Int128: 16,
  UInt128: 16,
  UUID: 16,
  IPv6: 16,
  Int256: 32,
  UInt256: 32,
}

const shapes: Readonly<Record<string, string>> = {
  Point: 'Tuple(Float64, Float64)',
  Ring: 'Array(Point)',
  LineString: 'Array(Point)',
  Polygon: 'Array(Ring)',
  MultiLineString: 'Array(LineString)',
  MultiPolygon: 'Array(Polygon)',
}

const known = new Map<string, Layout>()

function layout(type: string): Layout {
  const seen = known.get(type)
  if (seen) return seen
  const made = makeLayout(type)
  if (known.size < 1000) known.set(type, made)
  return made
}

function makeLayout(type: string): Layout {
  const open = type.indexOf('(')
  const name = open < 0 ? type : type.slice(0, open)
  const parts = open < 0 ? [] : split(type.slice(open + 1, -1))
  const width = widthOf(name, parts)
  if (width !== undefined) return { prefix: 0, end: (_, at, rows) => at + rows * width }
  const shape = shapes[name]
  if (shape !== undefined) return layout(shape)
  switch (name) {
    case 'String':
      return { prefix: 0, end: strings }
    case 'JSON':
      return { prefix: 8, end: strings }
    case 'Nullable': {
      const { prefix, end } = layout(parts[0] ?? '')
      return { prefix, end: (bytes, at, rows) => end(bytes, at + rows, rows) }
    }
    case 'LowCardinality':
      return dictionary(parts[0] ?? '')
    case 'SimpleAggregateFunction':
      return layout(parts[1] ?? '')
    case 'Tuple':
      return sequence(parts)
    case 'Array':
    case 'Map':
    case 'Nested':
      return repeated(sequence(parts))
    default:
      throw sqlException(
        'NOT_IMPLEMENTED',
        `Type ${type.slice(0, 200)} cannot be sent in the Native format of this protocol revision; convert it, e.g. with toString().`,
      )
  }
}

function widthOf(name: string, parts: readonly string[]): number | undefined {
  if (name === 'FixedString') return Number(parts[0])
  if (name.startsWith('Interval')) return 8
  if (name !== 'Decimal') return widths[name]
  const precision = Number(parts[0])
  return precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32
}

function strings(bytes: Buffer, at: number, rows: number): number {
  let end = at
  for (let row = 0; row < rows; row++) {
    const length = varint(bytes, end)
    end = length.end + length.value
  }
  return end
}

function sequence(types: readonly string[]): Layout {
  const inner = types.map((type) => layout(withoutName(type)))
  return {
    prefix: inner.reduce((sum, { prefix }) => sum + prefix, 0),
    end: (bytes, at, rows) => inner.reduce((end, column) => column.end(bytes, end, rows), at),
  }
}

function repeated(inner: Layout): Layout {
  return {
    prefix: inner.prefix,
    end: (bytes, at, rows) => {
      const elements = Number(bytes.readBigUInt64LE(at + (rows - 1) * 8))
      return elements === 0 ? at + rows * 8 : inner.end(bytes, at + rows * 8, elements)
    },
  }
}

/** Flags, the different values, and for each row the number of its value, in 1, 2, 4 or 8 bytes as the flags say. */
function dictionary(type: string): Layout {
  const keys = layout(/^Nullable\((.*)\)$/.exec(type)?.[1] ?? type)
  return {
    prefix: 8,
    end: (bytes, at) => {
      const indexWidth = 2 ** bytes.readUInt8(at)
      const keysEnd = keys.end(bytes, at + 16, Number(bytes.readBigUInt64LE(at + 8)))
      return keysEnd + 8 + Number(bytes.readBigUInt64LE(keysEnd)) * indexWidth
    },
  }
}

/** `a String` in a named tuple is a String. */
function withoutName(type: string): string {
  return split(type, ' ').at(-1) ?? type
}

/** The parts between separators that stand in no parentheses and no quotes. */
function split(text: string, separator = ','): string[] {
  const parts: string[] = []
  let depth = 0
  let quote = ''
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quote !== '') {
      if (char === '\\') at++
      else if (char === quote) quote = ''
    } else if (char === "'" || char === '`') quote = char
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === separator && depth === 0) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  parts.push(text.slice(start).trim())
  return parts
}
