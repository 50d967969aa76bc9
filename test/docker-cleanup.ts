import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Removes whatever an engine left: processes (containerd, shims, containers) that name `folder` in their command line
 * or live in its mounts, mounts below it, the folder itself. Harmless where nothing is left.
 */
export async function sweepEngine(folder: string): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const left = processesOf(folder)
    if (left.length === 0) break
    for (const pid of left) kill(pid)
    await sleep(100)
  }
  for (const mount of mountsBelow(folder)) {
    try {
      execFileSync('umount', ['-l', mount], { stdio: 'ignore' })
    } catch {
      // Gone with the mount above it.
    }
  }
  removeBridges(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** The bridges of networks that the engine did not live to remove are named in its store. */
function removeBridges(folder: string) {
  const store = read(join(folder, 'data/network/files/local-kv.db'), 'latin1')
  for (const bridge of new Set(store.match(/\bbr-[0-9a-f]{12}\b/g))) {
    if (!existsSync(`/sys/class/net/${bridge}`)) continue
    try {
      execFileSync('ip', ['link', 'delete', bridge], { stdio: 'ignore' })
    } catch {
      // Without iproute2 an empty bridge stays; it disturbs nothing.
    }
  }
}

/** Process ids that name the folder in their command line, or whose root file system is a container's of this engine. */
export function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(`/proc/${pid}/cmdline`).includes(`${folder}/`) || rootMount(pid).includes(`${folder}/data/`))
    .map(Number)
}

/** Mount points below the folder, deepest first. */
function mountsBelow(folder: string): string[] {
  return read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`))
    .reverse()
}

/** The mount of a process's root: for a container's process an overlay whose layers lie in the engine's folder. */
function rootMount(pid: string): string {
  const mounts = read(`/proc/${pid}/mountinfo`).split('\n')
  return mounts.find((line) => line.split(' ')[4] === '/') ?? ''
}

function kill(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function read(path: string, encoding: BufferEncoding = 'utf8'): string {
  try {
    return readFileSync(path, encoding)
  } catch {
    return ''
  }
}
