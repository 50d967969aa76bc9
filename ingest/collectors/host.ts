import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { watchActivity } from './host/activity.js'
import { type HostConfig, hostConfig } from './host/config.js'
import { hostIdentity } from './host/identity.js'
import { watchLogins } from './host/login-watch.js'
import { watchMetrics } from './host/metric-watch.js'

/** This machine as a workload: its processes, connections, log-ins and metrics. */
export const host = defineCollector({
  name: 'host',
  summary: 'This machine: processes, listening sockets and connections, log-ins, CPU, memory, disk and network.',
  config: hostConfig,
  example: {},
  formats: ['ocsf'],
  create: createHost,
})

function createHost(config: HostConfig, deps: CollectorDeps): Collector {
  const identity = hostIdentity(config.root)
  const has_proc = process.platform === 'linux' && existsSync(join(config.root, 'proc/self/stat'))
  const stopping = new AbortController()
  let running: Promise<void>[] = []

  function unavailable(part: string) {
    const found =
      process.platform === 'linux'
        ? `there is no proc file system at ${join(config.root, 'proc')}`
        : `this is ${process.platform}`
    deps.coverage({
      part,
      status: 'unavailable',
      message: `${part} are not seen: they are read from Linux's /proc and ${found}. Run Weir on Linux with /proc mounted.`,
    })
  }

  return {
    async start() {
      const { signal } = stopping
      const watched = new Set(config.watch)
      if (watched.has('processes') || watched.has('connections')) {
        if (has_proc) running.push(watchActivity(config, deps, identity, signal))
        else for (const part of ['processes', 'connections'] as const) if (watched.has(part)) unavailable(part)
      }
      if (watched.has('logins')) {
        if (has_proc) running.push(watchLogins(config, deps, identity, signal))
        else unavailable('logins')
      }
      if (watched.has('metrics')) running.push(watchMetrics(config, deps, identity, has_proc, signal))
    },
    async stop() {
      stopping.abort()
      const ending = running
      running = []
      await Promise.all(ending)
    },
    describe() {
      const gap = has_proc ? '; processes and connections shorter than the interval need auditd or eBPF' : ''
      return `${identity.workload.name} (${identity.workload.uid}): ${config.watch.join(', ')} every ${config.interval_ms} ms${gap}`
    },
  }
}
