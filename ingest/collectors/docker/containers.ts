import type { DockerAnswer, DockerApi } from '../../../core/docker-api.js'
import { WeirError } from '../../../core/errors.js'
import type { JsonObject } from '../../../ocsf/event.js'
import type { RawRecord } from '../../contract.js'
import type { DockerRecord } from '../../formats/docker_events.js'
import { containerFacts, withoutSecrets } from '../../formats/docker-inspect.js'
import { type DockerSample, dockerSample } from '../../formats/docker-stats.js'

/** A container by its id, and what else is known. */
export type Known = { id: string; name?: string; image?: string }

/** Questions to the engine at the same time. */
const PARALLEL = 8

export type Containers = {
  /** Name and image of a container seen before. */
  known(id: string): Known | undefined
  /** Process ids of first processes, as the machine of the engine sees them, and the containers they belong to. */
  readonly by_first_pid: ReadonlyMap<number, string>
  /** Takes in what an event says about names and ends. */
  follow(event: { [key: string]: unknown }): void
  /** Records of all running containers, as inventory. */
  inventory(): Promise<RawRecord[]>
  /** Record of one container; undefined if it is gone. `started`: its first process was just launched. */
  inspect(id: string, started: boolean): Promise<RawRecord | undefined>
  /** Records with the counters of all running containers. */
  measure(): Promise<RawRecord[]>
}

/** What is known about the containers of one engine. `host` is asked for each record, because it is known after connecting. */
export function knownContainers(api: DockerApi, host: () => JsonObject | undefined): Containers {
  const names = new Map<string, Known>()
  const by_first_pid = new Map<number, string>()
  let samples = new Map<string, DockerSample>()
  const withHost = () => {
    const device = host()
    return device ? { host: device } : {}
  }

  function forgetPidsOf(isGone: (id: string, pid: number) => boolean) {
    for (const [pid, id] of by_first_pid) if (isGone(id, pid)) by_first_pid.delete(pid)
  }

  async function running(): Promise<Known[]> {
    const known_before = new Map(by_first_pid)
    const list: DockerAnswer[] = await api.request('GET', '/containers/json')
    // An end that nobody told (the stream was broken) leaves a pid behind that the machine gives to another process. What
    // was learned while the engine answered may be newer than its answer.
    const ids = new Set(list.map(({ Id }) => Id))
    forgetPidsOf((id, pid) => known_before.get(pid) === id && !ids.has(id))
    return list.map(({ Id, Names, Image }) => {
      const known = names.get(Id) ?? { id: Id, name: String(Names?.[0] ?? '').replace(/^\//, ''), image: Image }
      names.set(Id, known)
      return known
    })
  }

  async function inspect(id: string, started: boolean): Promise<RawRecord | undefined> {
    const answer = await unlessGone(() => api.request('GET', `/containers/${id}/json`))
    const facts = answer && containerFacts(answer)
    if (!facts) return undefined
    names.set(facts.id, {
      id: facts.id,
      ...(facts.name ? { name: facts.name } : {}),
      ...(facts.image ? { image: facts.image } : {}),
    })
    const pid = answer.State?.Pid
    // One that was started again has another first process.
    forgetPidsOf((known) => known === facts.id)
    if (Number.isInteger(pid) && pid > 0) by_first_pid.set(pid, facts.id)
    const time = Date.now()
    const data: DockerRecord = { kind: 'inspect', ...withHost(), time, started, inspect: withoutSecrets(answer) }
    return { data, position: `inspect:${facts.id}:${started ? answer.State?.StartedAt : time}` }
  }

  async function measureOne(container: Known): Promise<[DockerSample, RawRecord] | undefined> {
    const query = { stream: false, 'one-shot': true }
    const sample = dockerSample(
      await unlessGone(() => api.request('GET', `/containers/${container.id}/stats`, { query })),
    )
    if (!sample) return undefined
    const before = samples.get(container.id)
    const data: DockerRecord = { kind: 'stats', ...withHost(), container, sample, ...(before ? { before } : {}) }
    return [sample, { data, position: `stats:${container.id}:${sample.time}` }]
  }

  return {
    known: (id) => names.get(id),
    by_first_pid,
    follow(event) {
      if (event.Type !== 'container') return
      const { ID, Attributes } = (event.Actor ?? {}) as {
        ID?: unknown
        Attributes?: { name?: unknown; image?: unknown }
      }
      if (typeof ID !== 'string') return
      if (event.Action === 'die') forgetPidsOf((id) => id === ID)
      if (event.Action === 'destroy') names.delete(ID)
      else if (typeof Attributes?.name === 'string') {
        const { name, image } = Attributes
        names.set(ID, { id: ID, name, ...(typeof image === 'string' ? { image } : {}) })
      }
    },
    inspect,
    async inventory() {
      const records = await inParallel(await running(), ({ id }) => inspect(id, false))
      return records.filter((record) => record !== undefined)
    },
    async measure() {
      const measured = (await inParallel(await running(), measureOne)).filter((entry) => entry !== undefined)
      // Only the containers of this round are kept: one that is gone leaves nothing behind.
      samples = new Map(measured.map(([sample, { data }]) => [(data as { container: Known }).container.id, sample]))
      return measured.map(([, record]) => record)
    },
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += PARALLEL) {
    results.push(...(await Promise.all(items.slice(from, from + PARALLEL).map(work))))
  }
  return results
}

/** Containers end while they are asked about: that is no fault. */
async function unlessGone(ask: () => Promise<DockerAnswer>): Promise<DockerAnswer | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof WeirError && (error.code === 'not_found' || error.code === 'conflict')) return undefined
    throw error
  }
}
