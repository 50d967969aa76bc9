import { StringDecoder } from 'node:string_decoder'
import { WeirError } from '../../core/errors.js'
import { createAssembler } from '../../ingest/assemble.js'
import type { FormatDefinition, RawRecord } from '../../ingest/contract.js'
import { formats } from '../../ingest/formats/index.js'
import { createHeader } from '../../ingest/header.js'
import { dataOf, lineSplitter } from '../../ingest/lines.js'
import { type JsonPiece, jsonSplitter } from './json-splitter.js'

/** One record a line, or JSON documents that may have many lines (also one array of records). */
type Shape = 'lines' | 'documents'

/** Enough to see what a stream is; a log file that is one document may need more until its first record ends. */
const PEEK_BYTES = 256 * 1024
const SAMPLE = 50
const MAX_LINE_BYTES = 64 * 1024 * 1024

/** A record and where it stands in its file: the byte its line begins at, or which of the documents it is. */
export type Placed = { readonly record: RawRecord; readonly at: number }

export type Input = {
  readonly definition: FormatDefinition
  /**
   * True if whatever is written behind these records leaves them and their order as they are: not so where a line may
   * belong to an event that goes on, or an array is written anew.
   */
  readonly is_append_only: boolean
  /** The records in their order, some at a time. */
  readonly records: AsyncIterable<readonly Placed[]>
}

/** Looks at the beginning of a stream and opens it as records. `format` is a name or `auto`; `name` is for errors. */
export async function openInput(bytes: AsyncIterable<Buffer>, format: string, name: string): Promise<Input> {
  const { head, all } = await peek(bytes)
  const text = head.toString('utf8').replace(/^\ufeff/, '')
  const shape = shapeOf(text)
  const definition = format === 'auto' ? guess(text, shape, name) : formats.find(format)
  const isLines = shape === 'lines'
  const is_append_only = isLines && definition.partOf === undefined
  return { definition, is_append_only, records: isLines ? lineRecords(all, definition) : documentRecords(all) }
}

async function peek(bytes: AsyncIterable<Buffer>): Promise<{ head: Buffer; all: AsyncIterable<Buffer> }> {
  const chunks = bytes[Symbol.asyncIterator]()
  const seen: Buffer[] = []
  let length = 0
  let ended = false
  while (length < PEEK_BYTES && !ended) {
    const next = await chunks.next()
    ended = next.done === true
    if (next.done) break
    seen.push(next.value)
    length += next.value.length
  }
  async function* all() {
    yield* seen.splice(0)
    if (!ended) for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
  }
  return { head: Buffer.concat(seen), all: all() }
}

/** Lines unless the beginning can only be a document of many lines, or an array. */
function shapeOf(head: string): Shape {
  const text = head.trimStart()
  if (text.startsWith('[')) return /^\[\s*(\{|\[|\]|"|$)/.test(text) ? 'documents' : 'lines'
  if (!text.startsWith('{')) return 'lines'
  const end = text.indexOf('\n')
  if (end < 0) return 'documents'
  if (parsed(text.slice(0, end)) !== undefined) return 'lines'
  // A line that is cut off must not swallow the ones after it: a document's second line never begins with a brace.
  return text.startsWith('{', end + 1) ? 'lines' : 'documents'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The format that is surest of the first records. */
function guess(head: string, shape: Shape, name: string): FormatDefinition {
  const sample = sampleOf(head, shape)
  let best: { definition: FormatDefinition; sure: number } | undefined
  for (const definition of formats.all) {
    let sure = 0
    for (const record of sample) sure += definition.detect(record)
    if (sure > (best?.sure ?? 0)) best = { definition, sure }
  }
  if (best !== undefined && best.sure / sample.length >= 0.2) return best.definition
  throw new WeirError('bad_input', `${name}: no format recognises the first ${sample.length} records`, {
    hint: 'Name it with --format; `weir formats` lists them.',
  })
}

function sampleOf(head: string, shape: Shape): unknown[] {
  if (shape === 'lines') {
    const lines = head.split('\n', SAMPLE + 1)
    // The last one may be incomplete.
    if (lines.length > 1) lines.pop()
    return lines.filter((line) => line.trim() !== '').map((line) => parsed(line) ?? line.trimEnd())
  }
  const whole = pieces(head)
  if (whole.length > 0) return whole
  // A document longer than the peek: its first list has the records.
  const list = head.indexOf('[')
  return list < 0 ? [] : pieces(head.slice(list))
}

function pieces(text: string): unknown[] {
  const found: unknown[] = []
  for (const piece of jsonSplitter(PEEK_BYTES).push(text).slice(0, SAMPLE)) {
    const value = parsed(piece.text)
    if (value !== undefined) found.push(value)
  }
  return found
}

/** Lines, behind the header of their file where the format has one, and joined where several are one event. */
async function* lineRecords(
  bytes: AsyncIterable<Buffer>,
  definition: FormatDefinition,
): AsyncGenerator<readonly Placed[]> {
  const splitter = lineSplitter(MAX_LINE_BYTES)
  const assembler = definition.partOf && createAssembler(definition.partOf)
  const header = createHeader(definition)
  // An event of several lines stands where its first one does: the assembler hands that on as its position.
  const placed = (records: readonly RawRecord[]) =>
    records.map(({ position, ...record }): Placed => ({ record, at: Number(position) }))
  const recordsOf = (lines: ReturnType<typeof splitter.push>): RawRecord[] => {
    const records: RawRecord[] = []
    for (const line of lines) {
      const position = String(line.offset)
      const data = dataOf(line, definition)
      const { fault } = line
      const record = header.place(fault ? { data, position, fault } : { data, position })
      if (record === undefined) continue
      if (assembler) records.push(...assembler.push(record, line.offset, 0))
      else records.push(record)
    }
    return records
  }
  for await (const chunk of bytes) {
    const records = recordsOf(splitter.push(chunk))
    if (records.length > 0) yield placed(records)
  }
  const rest = [...recordsOf(splitter.end()), ...(assembler?.flush() ?? [])]
  if (rest.length > 0) yield placed(rest)
}

async function* documentRecords(bytes: AsyncIterable<Buffer>): AsyncGenerator<readonly Placed[]> {
  const decoder = new StringDecoder('utf8')
  const splitter = jsonSplitter(MAX_LINE_BYTES)
  let isFirst = true
  let n = 0
  const placed = (piece: JsonPiece): Placed => ({ record: recordOf(piece), at: n++ })
  for await (const chunk of bytes) {
    const text = decoder.write(chunk)
    const records = splitter.push(isFirst ? text.replace(/^\ufeff/, '') : text).map(placed)
    isFirst = false
    if (records.length > 0) yield records
  }
  const rest = [...splitter.push(decoder.end()), ...splitter.end()].map(placed)
  if (rest.length > 0) yield rest
}

function recordOf({ text, is_cut }: JsonPiece): RawRecord {
  if (!is_cut) return { data: text }
  const detail = `a JSON document has more than ${MAX_LINE_BYTES} characters; its beginning is kept`
  return { data: text, fault: { reason: 'document_too_long', detail } }
}
