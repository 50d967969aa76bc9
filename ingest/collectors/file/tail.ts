import type { FileHandle } from 'node:fs/promises'
import { createAssembler } from '../../assemble.js'
import type { FormatDefinition, RawRecord } from '../../contract.js'
import { createHeader } from '../../header.js'
import { dataOf, type Line, type LineSplitter, lineSplitter } from '../../lines.js'
import { beginsAs, type Checkpoint, fingerprintOf } from './checkpoint.js'

const READ_BYTES = 256 * 1024
const MAX_CHUNK_RECORDS = 2000
const MAX_CHUNK_BYTES = 1024 * 1024
/** Bytes read from one file before the next file has its turn. */
const TURN_BYTES = 8 * 1024 * 1024

/** What a tail needs of its surroundings. */
export type TailPort = {
  /**
   * Hands a chunk over and resolves when there is room for the next one; `done` then runs once, later, telling
   * whether the chunk became durable.
   */
  send(records: readonly RawRecord[], done: (is_durable: boolean) => void): Promise<void>
  /** Told when a file was emptied before all of it was read, with the bytes known to be lost. */
  onLoss(path: string, lost_bytes: number): void
}

export type Tail = {
  readonly id: string
  path: string
  /** Reads what is new, up to a bound. True if there may be more at once. */
  read(port: TailPort): Promise<boolean>
  /** Hands over the last line although it has no line ending: nobody writes the file any more. */
  finish(port: TailPort): Promise<void>
  /** How far everything is durable. */
  checkpoint(): Checkpoint
  /** When something new was last read, ms of the monotonic clock. */
  active_ms(): number
  close(): Promise<void>
}

/** How the lines of a file become records. */
export type Lines = {
  readonly max_line_bytes: number
  /** Whose events may have several lines, and whose files may have a header. */
  readonly format: Pick<FormatDefinition, 'input' | 'partOf' | 'isHeader'>
}

/** Follows one open file, whatever its name becomes. `from` must fit the file (see `resume`). */
export function tailFile(id: string, path: string, file: FileHandle, from: Checkpoint, kind: Lines): Tail {
  const { max_line_bytes, format } = kind
  const { partOf } = format
  let state: Checkpoint = from
  let read_offset = from.offset
  let splitter: LineSplitter = lineSplitter(max_line_bytes, from.offset)
  let seen_size = 0
  let seen_mtime_ms = -1
  let active_ms = performance.now()
  let assembler = partOf && createAssembler(partOf)
  let header = createHeader(format, from.header)
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  // Chunks become durable out of order; the checkpoint may only pass those without a gap before them.
  let pending: { reached: Pick<Checkpoint, 'offset' | 'header'>; is_durable: boolean | undefined }[] = []

  function settle() {
    while (pending[0]?.is_durable === true) {
      state = { ...state, ...pending[0].reached }
      pending.shift()
    }
  }

  async function send(lines: readonly Line[], next_offset: number, port: TailPort) {
    const now_ms = performance.now()
    const records = lines.flatMap((line) => {
      const record = header.place(recordOf(line, id, state, format))
      if (record === undefined) return []
      return assembler ? assembler.push(record, line.offset, now_ms) : [record]
    })
    await hand(records, assembler?.cut(next_offset) ?? next_offset, port)
  }

  /** Hands over events whose other lines do not come any more. */
  async function sendRest(records: readonly RawRecord[], port: TailPort) {
    if (assembler && records.length > 0) await hand(records, assembler.cut(splitter.offset()), port)
  }

  async function hand(records: readonly RawRecord[], next_offset: number, port: TailPort) {
    const line = header.line()
    const reached = { offset: next_offset, ...(line === undefined ? {} : { header: line }) }
    if (records.length === 0) {
      if (pending.length === 0) state = { ...state, ...reached }
      return
    }
    const entry = { reached, is_durable: undefined as boolean | undefined }
    const queue = pending
    queue.push(entry)
    await port.send(records, (is_durable) => {
      entry.is_durable = is_durable
      // A chunk of the file's former content must not move the checkpoint of the present one.
      if (queue === pending) settle()
    })
  }

  async function startOver(size: number, port: TailPort) {
    const unread = Math.max(0, seen_size - read_offset)
    if (unread > 0) port.onLoss(tail.path, unread)
    await sendRest(assembler?.flush() ?? [], port)
    assembler = partOf && createAssembler(partOf)
    header = createHeader(format)
    state = { path: tail.path, offset: 0, generation: state.generation + 1 }
    pending = []
    read_offset = 0
    seen_size = size
    splitter = lineSplitter(max_line_bytes)
  }

  /** Hands over the whole lines behind what was read. True if the turn ended before the file did. */
  async function readLines(port: TailPort): Promise<boolean> {
    let lines: Line[] = []
    let bytes = 0
    const turn_end = read_offset + TURN_BYTES
    while (read_offset < turn_end) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, read_offset)
      if (bytesRead === 0) break
      active_ms = performance.now()
      read_offset += bytesRead
      for (const line of splitter.push(Buffer.from(buffer.subarray(0, bytesRead)))) {
        lines.push(line)
        bytes += line.length
        if (lines.length < MAX_CHUNK_RECORDS && bytes < MAX_CHUNK_BYTES) continue
        await send(lines, line.next_offset, port)
        lines = []
        bytes = 0
      }
    }
    await send(lines, splitter.offset(), port)
    return read_offset >= turn_end
  }

  const tail: Tail = {
    id,
    path,
    active_ms: () => active_ms,
    checkpoint: () => ({ ...state, path: tail.path }),
    close: () => file.close(),
    async read(port) {
      await sendRest(assembler?.expire(performance.now()) ?? [], port)
      const { size, mtimeMs } = await file.stat()
      if (size === seen_size && mtimeMs === seen_mtime_ms && size <= read_offset) return false
      seen_mtime_ms = mtimeMs
      if (size < read_offset || !(await beginsAs(file, state))) await startOver(size, port)
      seen_size = size
      if (state.fingerprint === undefined) state = { ...state, ...(await fingerprintOf(file)) }
      // Without a whole first line there is nothing to hand over, and nothing to name positions by.
      if (state.fingerprint === undefined) return false
      return await readLines(port)
    },
    async finish(port) {
      if (state.fingerprint === undefined) {
        // One line without an ending is all there is: it was not read yet, since nothing named it.
        state = { ...state, fingerprint: 'unfinished', fingerprint_bytes: 1 }
      }
      // A slow pipeline may have left more of it than one turn: nobody comes back to it.
      while (await readLines(port));
      const lines = splitter.end()
      if (lines.length > 0) await send(lines, splitter.offset(), port)
      await sendRest(assembler?.flush() ?? [], port)
    },
  }
  return tail
}

/** The same line read again gets the same position, also after the file was renamed. */
function recordOf(
  line: Line,
  id: string,
  { generation, fingerprint }: Checkpoint,
  format: Partial<FormatDefinition>,
): RawRecord {
  const position = `${id}:${fingerprint}.${generation}:${line.offset}`
  if (line.fault) return { data: line.text, position, fault: line.fault }
  // A program that goes on writing at its old offset after its file was emptied leaves a hole of NUL bytes.
  if (line.bytes[line.start] === 0) return { data: line.text.replace(/^\0+/, ''), position }
  return { data: dataOf(line, format), position }
}
