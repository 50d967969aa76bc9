import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'

/** What a hash can be asked for: a path that is opened at once, so that a short-lived process does not take it away. */
export type ExecutableHashes = {
  /** SHA-256 in hex; undefined if the file cannot be opened or is larger than the bound. */
  sha256(path: string): Promise<string | undefined>
}

const CHUNK_BYTES = 256 * 1024
const MAX_CACHED = 4096

/** Hashes files, each version once: cached by device, inode, size and times. At most `concurrency` files are read at once. */
export function executableHashes(max_bytes: number, concurrency = 2): ExecutableHashes {
  const cache = new Map<string, Promise<string | undefined>>()
  const waiting: (() => void)[] = []
  let running = 0

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    async sha256(path) {
      let file: FileHandle
      try {
        file = await open(path)
      } catch {
        return undefined
      }
      try {
        const stat = await file.stat({ bigint: true })
        if (!stat.isFile() || stat.size > BigInt(max_bytes)) return undefined
        const key = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
        let hash = cache.get(key)
        if (!hash) {
          if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value ?? key)
          hash = limited(() => hashOf(file)).catch(() => {
            cache.delete(key)
            return undefined
          })
          cache.set(key, hash)
        }
        return await hash
      } finally {
        await file.close()
      }
    },
  }
}

async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(chunk.subarray(0, bytesRead))
    position += bytesRead
  }
}
