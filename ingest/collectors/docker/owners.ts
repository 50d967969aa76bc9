import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { containerObject, workloadOf } from '../../formats/docker-objects.js'
import type { ContainerView } from '../host/containers.js'
import type { Proc } from '../host/process-table.js'
import type { Containers, Known } from './containers.js'

/** Ancestors looked at: a process tree is not deeper. */
const MAX_DEPTH = 64

/** A container as the events of its processes show it. */
export function viewOf({ id, name, image }: Known): ContainerView {
  const facts = { id, name, image }
  return { workload: workloadOf(facts), container: containerObject(facts) }
}

/**
 * Tells which container of this engine a process runs in: by its control group, by the process namespace it shares with
 * the container's first process, or because it descends from that. Undefined for processes of the machine and of others.
 */
export function containerOwners(
  root: string,
  containers: Pick<Containers, 'known' | 'by_first_pid'>,
  byPid: ReadonlyMap<number, Proc>,
): (process: Proc) => ContainerView | undefined {
  function byNamespace({ pid }: Proc): string | undefined {
    const namespace = namespaceOf(root, pid)
    if (namespace === undefined) return undefined
    for (const [first, id] of containers.by_first_pid) {
      // A container in the machine's own namespace (`--pid host`) has all of the machine's processes beside it.
      const is_own = byPid.get(first)?.namespace_pid === 1
      if (is_own && namespaceOf(root, first) === namespace) return id
    }
    return undefined
  }

  function byAncestor(process: Proc): string | undefined {
    let pid = process.pid
    for (let depth = 0; depth < MAX_DEPTH && pid > 1; depth++) {
      const id = containers.by_first_pid.get(pid)
      if (id !== undefined) return id
      pid = byPid.get(pid)?.ppid ?? 0
    }
    return undefined
  }

  return (process) => {
    const of_group = process.container?.container.uid
    const id = typeof of_group === 'string' ? of_group : (byNamespace(process) ?? byAncestor(process))
    const known = id === undefined ? undefined : containers.known(id)
    return known && viewOf(known)
  }
}

function namespaceOf(root: string, pid: number): string | undefined {
  try {
    return readlinkSync(join(root, 'proc', String(pid), 'ns/pid'))
  } catch {
    return undefined
  }
}
