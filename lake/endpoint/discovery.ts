import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { isAlive } from '../staging.js'

const announcement = z.strictObject({ url: z.url({ protocol: /^http$/ }), pid: z.int().positive() })

/** Where a running Weir answers SQL. */
export type Announcement = z.infer<typeof announcement>

function file(data_dir: string): string {
  return join(data_dir, 'endpoint.json')
}

/**
 * Tells other processes of this user where the lake in `data_dir` answers SQL. Returns what takes it back.
 * The file holds no secret, but it decides whom `weir sql` talks to, so only this user may write it.
 */
export function announceEndpoint(data_dir: string, url: string): () => void {
  const path = file(data_dir)
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, `${JSON.stringify({ url, pid: process.pid } satisfies Announcement)}\n`, { mode: 0o600 })
  renameSync(draft, path)
  return () => {
    if (readAnnouncement(path)?.pid === process.pid) rmSync(path, { force: true })
  }
}

/** Where the lake in `data_dir` answers SQL, or undefined. What a process that died left behind is ignored. */
export function findEndpoint(data_dir: string): Announcement | undefined {
  const found = readAnnouncement(file(data_dir))
  return found && isAlive(found.pid) ? found : undefined
}

function readAnnouncement(path: string): Announcement | undefined {
  try {
    return announcement.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
