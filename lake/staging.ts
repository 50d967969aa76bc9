import { accessSync, constants, readdirSync, rmSync } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WeirError } from '../core/errors.js'

/** Where blocks stand between the encoder and the engine. */
export type Staging = {
  /** Calls `use` with the path of a private file that holds the chunks; the file is gone afterwards. Throws `lake_failed` (retryable) while there is no room. */
  withFile<T>(chunks: readonly Uint8Array[], use: (path: string) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const memory_folder = '/dev/shm'
const prefix = 'weir-blocks-'

/** A folder only we can read, in memory where the system has such a place. Removes what dead processes left behind. */
export async function openStaging(parent = stagingParent()): Promise<Staging> {
  removeLeftovers(parent)
  const folder = await mkdtemp(join(parent, `${prefix}${process.pid}-`))
  let count = 0

  return {
    async withFile(chunks, use) {
      const path = join(folder, `${count++}.native`)
      try {
        const file = await open(path, 'wx', 0o600)
        try {
          await writeAll(file, chunks)
        } catch (error) {
          throw isFull(error) ? noRoom(folder, error) : error
        } finally {
          await file.close()
        }
        return await use(path)
      } finally {
        await unlink(path).catch(() => {})
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Half a block would look like rows that are broken: what is written in part is written on, until all of it is there or it fails. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]) {
  let rest = chunks
  for (;;) {
    let { bytesWritten } = await file.writev(rest as Uint8Array[])
    const index = rest.findIndex((chunk) => {
      if (bytesWritten < chunk.length) return true
      bytesWritten -= chunk.length
      return false
    })
    if (index < 0) return
    rest = [(rest[index] as Uint8Array).subarray(bytesWritten), ...rest.slice(index + 1)]
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function noRoom(folder: string, cause: unknown): WeirError {
  return new WeirError('lake_failed', `there is no room for a block of rows in ${folder}`, {
    retryable: true,
    hint: 'Make room there; a container has 64 MB of /dev/shm unless it is told otherwise (--shm-size=256m).',
    cause,
  })
}

/** The folder that blocks stand in: in memory where the system has such a place, else the one for temporary files. */
export function stagingParent(): string {
  return isWritable(memory_folder) ? memory_folder : tmpdir()
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

function removeLeftovers(parent: string) {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length).split('-')[0])
    // Another user's folder cannot be removed, and need not be.
    if (Number.isInteger(pid) && !isAlive(pid))
      rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 0 })
  }
}

/** True if a process with this id runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
