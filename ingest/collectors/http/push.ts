import { isUtf8 } from 'node:buffer'
import { createAssembler } from '../../assemble.js'
import type { CollectorDeps, FormatDefinition, RawRecord, Receipt } from '../../contract.js'
import { formats } from '../../formats/index.js'
import { createHeader } from '../../header.js'
import { dataOf, Line, lineSplitter } from '../../lines.js'
import { createRepeats } from '../../repeats.js'
import { tooLarge } from './body.js'
import type { HttpConfig } from './config.js'
import { HttpProblem } from './problem.js'

const MAX_CHUNK_RECORDS = 2000
const MAX_CHUNK_CHARS = 1024 * 1024
/** The pipeline writes in blocks, so one request may have several chunks under way. */
const MAX_CHUNKS_IN_FLIGHT = 4

/** What became of a body so far. */
export type Progress = {
  readonly receipt: Receipt
  /** Lines (or array elements) from the beginning that are durable without a gap. */
  readonly accepted: number
}

export type Push = {
  /** Resolves when all is durable. Throws the first problem; `progress` tells what was accepted before. */
  run(): Promise<void>
  progress(): Progress
}

/**
 * Sends a body of lines to the pipeline while it arrives. Lines of one event are joined within the body: its end is the
 * end of every event, since the answer to the sender must not wait for another request.
 */
export function pushLines(bytes: AsyncIterable<Buffer>, format: string, deps: CollectorDeps, config: HttpConfig): Push {
  const definition: Partial<FormatDefinition> = formats.all.find(({ name }) => name === format) ?? {}
  const assembler = definition.partOf && createAssembler(definition.partOf)
  const header = createHeader(definition)
  let n_lines = 0
  const chunks = chunkedEmits(format, deps, () => assembler?.cut(n_lines) ?? n_lines)
  return {
    progress: chunks.progress,
    async run() {
      const splitter = lineSplitter(config.max_line_bytes)
      try {
        for await (const chunk of bytes) for (const line of splitter.push(chunk)) await add(line)
        for (const line of splitter.end()) await add(line)
        for (const record of assembler?.flush() ?? []) await chunks.add(record, lengthOf(record))
      } finally {
        await chunks.flush()
      }
    },
  }

  function add(line: Line): Promise<void> | undefined {
    n_lines++
    const record = header.place({ data: dataOf(line, definition), ...(line.fault ? { fault: line.fault } : {}) })
    if (record === undefined) return undefined
    return assembler ? addAll(assembler.push(record, n_lines - 1, 0)) : chunks.add(record, line.length)
  }

  async function addAll(records: readonly RawRecord[]) {
    for (const record of records) await chunks.add(record, lengthOf(record))
  }
}

function lengthOf({ data }: RawRecord): number {
  return typeof data === 'string' || data instanceof Line ? data.length : 0
}

/** Sends one JSON object, or the objects of an array. Nothing is sent unless the whole body parses. */
export function pushDocument(
  bytes: AsyncIterable<Buffer>,
  format: string,
  deps: CollectorDeps,
  config: HttpConfig,
): Push {
  let n_records = 0
  const chunks = chunkedEmits(format, deps, () => n_records)
  return {
    progress: chunks.progress,
    async run() {
      const text = await wholeText(bytes, config.max_document_bytes)
      const records = recordsOf(text)
      const chars = text.length / Math.max(1, records.length)
      try {
        for (const record of records) {
          n_records++
          await chunks.add(record, chars)
        }
      } finally {
        await chunks.flush()
      }
    },
  }
}

async function wholeText(bytes: AsyncIterable<Buffer>, max_bytes: number): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of bytes) {
    length += part.length
    if (length > max_bytes) throw tooLarge('JSON document', length, max_bytes, 'max_document_bytes')
    parts.push(part)
  }
  const whole = Buffer.concat(parts)
  if (!isUtf8(whole)) {
    throw new HttpProblem(400, 'invalid_utf8', 'The body is not UTF-8.', 'Encode the body in UTF-8.')
  }
  return whole.toString('utf8')
}

function recordsOf(text: string): RawRecord[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new HttpProblem(
      400,
      'invalid_json',
      `The body is not one JSON document: ${(error as SyntaxError).message}`,
      'For several objects, one a line, use Content-Type: application/x-ndjson.',
    )
  }
  if (!Array.isArray(parsed)) {
    if (isObject(parsed)) return [{ data: text }]
    throw notObjects(`The body is ${parsed === null ? 'null' : `a ${typeof parsed}`}`)
  }
  const wrong = parsed.findIndex((element) => !isObject(element))
  if (wrong !== -1) throw notObjects(`Element ${wrong} of the array is not an object`)
  return parsed.map((element: object) => ({ data: element }))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function notObjects(found: string): HttpProblem {
  return new HttpProblem(400, 'invalid_json', `${found}.`, 'Send one JSON object, or an array of objects.')
}

/**
 * Gathers records into chunks, keeps a few of them under way, and counts what is durable. `reached` tells how much of
 * the body is accepted once everything added so far is durable.
 */
export function chunkedEmits(format: string, deps: CollectorDeps, reached: () => number) {
  const receipt = { records: 0, stored: 0, dropped: 0, dead_lettered: 0 }
  const in_flight = new Set<Promise<void>>()
  const repeats = createRepeats()
  let chunk: RawRecord[] = []
  let chars = 0
  let accepted = 0
  let failure: { readonly error: unknown } | undefined
  let order: Promise<boolean> = Promise.resolve(true)

  function send() {
    if (chunk.length === 0) return
    const records = chunk
    const accepted_then = reached()
    chunk = []
    chars = 0
    const sent = deps.emit(format, records, repeats).then(
      (part) => {
        receipt.records += part.records
        receipt.stored += part.stored
        receipt.dropped += part.dropped
        receipt.dead_lettered += part.dead_lettered
        return true
      },
      (error: unknown) => {
        failure ??= { error }
        return false
      },
    )
    order = Promise.all([order, sent]).then(([before, now]) => {
      if (before && now) accepted = accepted_then
      return before && now
    })
    const done = order.then(() => {
      in_flight.delete(done)
    })
    in_flight.add(done)
  }

  return {
    progress: (): Progress => ({ receipt: { ...receipt }, accepted }),
    /** Returns a promise only where the sender must wait. */
    add(record: RawRecord, record_chars: number): Promise<void> | undefined {
      chunk.push(record)
      chars += record_chars
      if (chunk.length < MAX_CHUNK_RECORDS && chars < MAX_CHUNK_CHARS) return undefined
      send()
      return in_flight.size < MAX_CHUNKS_IN_FLIGHT ? undefined : wait()
    },
    async flush() {
      if (!failure) send()
      await Promise.all(in_flight)
      if (failure) throw failure.error
    },
  }

  async function wait() {
    await Promise.race(in_flight)
    if (failure) throw failure.error
  }
}
