import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { createDockerApi, type DockerApi } from '../../core/docker-api.js'
import { dockerConnection } from '../../core/docker-connection.js'
import { messageOf } from '../../core/errors.js'
import type { JsonObject } from '../../ocsf/event.js'
import { type Collector, type CollectorDeps, defineCollector, type RawRecord } from '../contract.js'
import { emitUntilTaken } from '../emit-until-taken.js'
import { repeat } from '../repeat.js'
import { watchActivity } from './docker/activity.js'
import { type Containers, knownContainers } from './docker/containers.js'
import { followEvents } from './docker/event-stream.js'
import { watchExposure } from './docker/exposure-watch.js'
import { hostIdentity } from './host/identity.js'

const config = z.strictObject({
  ...dockerConnection.shape,
  stats_interval_ms: z
    .int()
    .min(1_000)
    .default(10_000)
    .describe('Time between two measurements of every running container, in ms.'),
  exposure_interval_ms: z
    .int()
    .min(1_000)
    .default(60_000)
    .describe(
      'Time between two looks whether the engine can be commanded over the network without a certificate, in ms.',
    ),
  activity: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'Processes and connections of each container, read from /proc of this machine. auto: where no collector `host` is configured, which reports them as well.',
    ),
  activity_interval_ms: z
    .int()
    .min(100)
    .default(1_000)
    .describe('Time between two looks at processes and connections of containers, in ms.'),
  root: z.string().default('/').describe("Where the host's file system is: / or, in a container, where it is mounted."),
})

export type DockerCollectorConfig = z.output<typeof config>

/** Everything one Docker engine says: events, running containers and their metrics, and whether it is left open. */
export const docker = defineCollector({
  name: 'docker',
  summary: 'Docker engine: events, containers, their processes, connections, metrics, and an API open to the network.',
  config,
  example: {},
  formats: ['docker_events', 'ocsf'],
  create: createDocker,
})

/** Events after which the configuration of a container is read again. */
const REREAD = new Set(['start', 'update', 'rename'])

function createDocker(config: DockerCollectorConfig, deps: CollectorDeps): Collector {
  const api = createDockerApi(config)
  const stopping = new AbortController()
  const { signal } = stopping
  // A unix socket belongs to this machine, which the collector `host` may watch as well; else the engine says who it is.
  let host = config.address.startsWith('unix://') ? hostIdentity(config.root).device : undefined
  const containers = knownContainers(api, () => host)
  const reread = rereader(containers, deps, signal)
  const emit = (records: readonly RawRecord[]) =>
    records.length === 0 ? undefined : emitUntilTaken(deps, 'docker_events', records, signal)
  let running: Promise<void>[] = []
  const is_local = config.address.startsWith('unix://') && hasProc(config.root)
  const watches_activity =
    is_local && (config.activity === 'on' || (config.activity === 'auto' && !deps.beside?.includes('host')))
  let onConnected: () => void = () => {}
  /** Which containers there are is known once the engine has answered. */
  const is_connected = new Promise<void>((resolve) => {
    onConnected = resolve
  })

  async function identify(): Promise<JsonObject> {
    host ??= await engineHost(api)
    return host
  }

  async function connected() {
    await identify()
    await emit(await containers.inventory())
    onConnected()
  }

  async function activity() {
    await Promise.race([is_connected, aborted(signal)])
    if (!signal.aborted) await watchActivity(config, deps, containers, signal)
  }

  async function recordOf(line: string, event: { [key: string]: unknown }) {
    const container = event.Type === 'network' ? containers.known(containerOf(event)) : undefined
    return recordText(line, host, container, await pulledImage(api, event))
  }

  async function measure() {
    await emit(await containers.measure())
  }

  function failed(error: unknown) {
    if (signal.aborted) return
    deps.coverage({
      part: 'collector',
      status: 'degraded',
      message: `Docker is only seen in part: ${messageOf(error)}.`,
    })
  }

  return {
    async start() {
      const events = followEvents(
        api,
        deps,
        {
          connected,
          record: recordOf,
          seen(event) {
            containers.follow(event)
            if (event.Type === 'container' && REREAD.has(String(event.Action)))
              reread.add(containerOf(event), event.Action === 'start')
          },
        },
        signal,
      )
      // What cannot be measured is what cannot be seen, and the event stream reports that.
      const stats = repeat(config.stats_interval_ms, signal, measure, (error) =>
        deps.log.debug({ instance: deps.instance, error: messageOf(error) }, 'containers not measured'),
      )
      running = [events, stats, watchExposure(config, deps, identify, signal)]
      if (watches_activity) running.push(activity())
      else if (config.activity === 'on') {
        const message = `Processes and connections of containers are not seen: the engine is not on this machine, or there is no /proc below ${config.root}.`
        deps.coverage({ part: 'activity', status: 'unavailable', message })
      }
      // What ends one of them for good is a fault of this machine (a full disk, say): it is told, and the others go on.
      for (const part of running) part.catch((error) => failed(error))
    },
    async stop() {
      stopping.abort()
      const ending = running
      running = []
      await Promise.allSettled([...ending, reread.idle()])
      api.close()
    },
    describe: () =>
      `Docker engine at ${config.address}: events, containers${watches_activity ? ', their processes and connections' : ''}, metrics every ${config.stats_interval_ms} ms, open API`,
  }
}

/** The line stays as the engine wrote it, because its numbers are larger than a JavaScript number can hold. */
function recordText(
  line: string,
  host: JsonObject | undefined,
  container: object | undefined,
  image: object | undefined,
): string {
  const known = Object.entries({ host, container, image }).flatMap(([name, value]) =>
    value ? [`"${name}":${JSON.stringify(value)},`] : [],
  )
  return `{"kind":"event",${known.join('')}"event":${line}}`
}

/** What the engine has under a name that was just pulled: the event tells the name alone. */
async function pulledImage(api: DockerApi, event: { [key: string]: unknown }): Promise<object | undefined> {
  const name = (event.Actor as { ID?: unknown } | undefined)?.ID
  if (event.Type !== 'image' || event.Action !== 'pull' || typeof name !== 'string') return undefined
  try {
    const { Id, RepoDigests } = await api.request('GET', `/images/${encodeURIComponent(name)}/json`)
    return { id: Id, digests: RepoDigests }
  } catch {
    // Removed meanwhile: the event says what it can.
    return undefined
  }
}

function hasProc(root: string): boolean {
  return process.platform === 'linux' && existsSync(join(root, 'proc/self/stat'))
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** The container an event is about; '' if about none. */
function containerOf(event: { [key: string]: unknown }): string {
  const { ID, Attributes } = (event.Actor ?? {}) as { ID?: unknown; Attributes?: { container?: unknown } }
  const id = event.Type === 'network' ? Attributes?.container : ID
  return typeof id === 'string' ? id : ''
}

async function engineHost(api: DockerApi): Promise<JsonObject> {
  const info = await api.request('GET', '/info')
  return { type_id: 1, hostname: String(info.Name ?? ''), uid: String(info.ID ?? info.Name ?? api.address) }
}

/** Reads containers again one after the other; a container that waits already is not put in line twice. */
function rereader(containers: Containers, deps: CollectorDeps, signal: AbortSignal) {
  const waiting = new Map<string, boolean>()
  let working: Promise<void> | undefined

  async function work() {
    for (const [id, started] of waiting) {
      waiting.delete(id)
      if (signal.aborted) return
      try {
        const record = await containers.inspect(id, started)
        if (record) await emitUntilTaken(deps, 'docker_events', [record], signal)
      } catch (error) {
        if (signal.aborted) return
        deps.log.warn({ instance: deps.instance, container: id, error: messageOf(error) }, 'container not inspected')
      }
    }
  }

  return {
    add(id: string, started: boolean) {
      waiting.set(id, started || waiting.get(id) === true)
      working ??= work().finally(() => {
        working = undefined
      })
    },
    idle: async () => void (await working),
  }
}
