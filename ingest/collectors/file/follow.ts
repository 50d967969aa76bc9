import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { filesMatching, segmentPattern } from './glob.js'

/** Compressed copies that rotation leaves behind: their lines were read before. */
const COMPRESSED = /\.(gz|bz2|xz|zst|zip|lz4|Z)$/

/** A regular file that a pattern matches. */
export type FoundFile = { readonly id: string; readonly path: string; readonly size: number }

/** All files of the patterns, each once though it may match several or have several names, and the patterns that match none. */
export async function findFiles(
  patterns: readonly string[],
  exclude: readonly string[],
): Promise<{ files: FoundFile[]; unmatched: string[] }> {
  const files = new Map<string, FoundFile>()
  const unmatched: string[] = []
  const excluded = exclude.map(segmentPattern)
  for (const pattern of patterns) {
    let matched = false
    for (const path of await filesMatching(pattern)) {
      const name = basename(path)
      if (COMPRESSED.test(name) || excluded.some((expression) => expression.test(name))) continue
      const found = await fileAt(path)
      if (!found) continue
      matched = true
      if (!files.has(found.id)) files.set(found.id, found)
    }
    if (!matched) unmatched.push(pattern)
  }
  return { files: [...files.values()], unmatched }
}

/** The file that was read under `path` and was renamed within its folder since; undefined if it is gone. */
export async function findRenamed(path: string, id: string): Promise<FoundFile | undefined> {
  const folder = dirname(path)
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await fileAt(join(folder, name))
    if (found?.id === id) return COMPRESSED.test(name) ? undefined : found
  }
  return undefined
}

async function fileAt(path: string): Promise<FoundFile | undefined> {
  try {
    const { dev, ino, size, isFile } = await statOf(path)
    return isFile ? { id: `${dev}:${ino}`, path, size: Number(size) } : undefined
  } catch {
    // Gone between two calls, or in a folder that is closed to us: then it cannot be read either.
    return undefined
  }
}

async function statOf(path: string) {
  const found = await stat(path, { bigint: true })
  return { dev: found.dev, ino: found.ino, size: found.size, isFile: found.isFile() }
}

/** Opens the file if it is still the one that was found. Throws the system's error when it may not be read. */
export async function openFound(found: FoundFile): Promise<FileHandle | undefined> {
  const file = await open(found.path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return undefined
  const { dev, ino } = await file.stat({ bigint: true })
  if (`${dev}:${ino}` === found.id) return file
  await file.close()
  return undefined
}

/** Where the last line begins that has no line ending yet: the offset to start at to see only what comes. */
export async function endOfLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat()
  const length = Math.min(size, 1024 * 1024)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
  const newline = buffer.subarray(0, bytesRead).lastIndexOf(10)
  return newline === -1 ? size : size - length + newline + 1
}
