import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Proc } from './process-table.js'

export type OwnerSearch = {
  /** Process by socket inode. */
  readonly owners: ReadonlyMap<string, Proc>
  /** True if the descriptors of some process were closed to us. */
  readonly was_denied: boolean
}

/**
 * Finds which processes hold these sockets by looking through open descriptors, newest processes first, and stops
 * when all are found. Yields to the event loop every 64 processes.
 */
export async function socketOwners(
  root: string,
  inodes: ReadonlySet<string>,
  processes: Iterable<Proc>,
): Promise<OwnerSearch> {
  const owners = new Map<string, Proc>()
  let was_denied = false
  let looked = 0
  for (const process of [...processes].sort((a, b) => b.start_ticks - a.start_ticks)) {
    if (owners.size === inodes.size) break
    if (++looked % 64 === 0) await nextTurn()
    const folder = join(root, 'proc', String(process.pid), 'fd')
    try {
      for (const fd of readdirSync(folder)) {
        const inode = socketInode(`${folder}/${fd}`)
        if (inode && inodes.has(inode) && !owners.has(inode)) owners.set(inode, process)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') was_denied = true
    }
  }
  return { owners, was_denied }
}

function socketInode(path: string): string | undefined {
  try {
    const target = readlinkSync(path)
    return target.startsWith('socket:[') ? target.slice(8, -1) : undefined
  } catch {
    return undefined
  }
}
