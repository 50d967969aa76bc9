import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'

/** How far one file was read. The fingerprint tells a file from another that got the same inode, and from itself after it was emptied. */
const checkpointSchema = z.strictObject({
  path: z.string(),
  /** Bytes whose lines are durable. */
  offset: z.int().min(0),
  /** Counts how often the file was emptied in place. */
  generation: z.int().min(0),
  /** SHA-256 of the first line, of its first 1,024 bytes at most; absent while there is no whole line. */
  fingerprint: z.string().optional(),
  fingerprint_bytes: z.int().min(1).optional(),
  /** The header of the lines behind `offset`, in formats whose files have one. */
  header: z.string().optional(),
})

/** What is kept over a restart, by `dev:inode`. */
export const checkpointsSchema = z.strictObject({
  version: z.literal(1),
  files: z.record(z.string(), checkpointSchema),
})

export type Checkpoint = z.output<typeof checkpointSchema>

const MAX_FINGERPRINT_BYTES = 1024
/** Longer than any header. */
const MAX_FIRST_LINE_BYTES = 8192

/** Identifies a file by its first line. Undefined while that line is incomplete and short. */
export async function fingerprintOf(
  file: FileHandle,
): Promise<{ fingerprint: string; fingerprint_bytes: number } | undefined> {
  const head = await headOf(file, MAX_FINGERPRINT_BYTES)
  const newline = head.indexOf(10)
  const length = newline === -1 ? head.length : newline + 1
  if (newline === -1 && length < MAX_FINGERPRINT_BYTES) return undefined
  return { fingerprint: digest(head.subarray(0, length)), fingerprint_bytes: length }
}

/** The first line of a file, of its first 8 KiB. */
export async function firstLine(file: FileHandle): Promise<string> {
  const [line = ''] = (await headOf(file, MAX_FIRST_LINE_BYTES)).toString('utf8').split(/\r?\n/, 1)
  return line.replace(/^\ufeff/, '')
}

/** True if the file still begins as it did. A checkpoint without fingerprint fits every file. */
export async function beginsAs(file: FileHandle, checkpoint: Checkpoint): Promise<boolean> {
  const { fingerprint, fingerprint_bytes } = checkpoint
  if (fingerprint === undefined || fingerprint_bytes === undefined) return true
  return digest(await headOf(file, fingerprint_bytes)) === fingerprint
}

async function headOf(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, 0)
  return buffer.subarray(0, bytesRead)
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
