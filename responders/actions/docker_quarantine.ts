import { createDockerApi, type DockerAnswer, type DockerApi } from '../../core/docker-api.js'
import { dockerConnection } from '../../core/docker-connection.js'
import { WeirError } from '../../core/errors.js'
import type { Json } from '../../ocsf/event.js'
import { type Action, type ActionContext, defineAction, type Plan } from '../contract.js'
import { containerId, existingContainer, inspectContainer } from './docker-container.js'
import { connectBody, describeEndpoint, differences, type Endpoint, endpointsOf } from './docker-endpoint.js'

/**
 * Cuts a container off from every network and lets it run on, so that memory and processes stay for forensics.
 * The cut outlives a restart of the container. Undo connects the same networks with the same aliases and addresses.
 */
export const dockerQuarantine = defineAction({
  name: 'docker_quarantine',
  summary: 'Disconnect a container from all networks; it keeps running for forensics.',
  config: dockerConnection,
  example: { address: 'unix:///var/run/docker.sock' },
  permissions: [
    'GET /containers/{id}/json',
    'GET /containers/json',
    'POST /networks/{id}/disconnect',
    'POST /networks/{id}/connect',
  ],
  targets: ['container'],
  reversible: true,
  stops_traffic: true,
  create: (config, { log }) => {
    const api = createDockerApi(config)
    return {
      plan: (context) => plan(api, context),
      async execute(context, { pre_image }) {
        const id = containerId(context.workload)
        const container = await inspectContainer(api, id)
        if (!container) return
        const known = new Set(endpointsIn(pre_image).map((endpoint) => endpoint.network_uid))
        for (const endpoint of endpointsOf(container)) {
          if (!known.has(endpoint.network_uid)) {
            log.warn(
              { container: id, network: endpoint.network_name },
              'connected after the plan was made: undo will not connect it again',
            )
          }
          await disconnect(api, id, endpoint)
        }
      },
      verify: (context) => verify(api, context),
      async undo(context, { pre_image }) {
        const container = await existingContainer(api, context.workload)
        const failures: unknown[] = []
        for (const wanted of endpointsIn(pre_image)) {
          await restore(api, container, wanted).catch((error) => failures.push(error))
        }
        if (failures.length > 0) throw failures[0]
      },
      verify_undo: (context, { pre_image }) => verifyUndo(api, context, endpointsIn(pre_image)),
    } satisfies Action
  },
})

async function plan(api: DockerApi, { workload }: ActionContext): Promise<Plan> {
  const container = await existingContainer(api, workload)
  const name = String(container.Name ?? workload.name).replace(/^\//, '')
  const mode = String(container.HostConfig?.NetworkMode ?? '')
  if (mode === 'host' || mode.startsWith('container:')) {
    const owner = mode === 'host' ? "the host's network" : `the network of ${mode.replace(':', ' ').slice(0, 30)}`
    throw new WeirError('unsupported', `the container ${name} uses ${owner} and cannot be disconnected from it`, {
      hint:
        mode === 'host'
          ? 'Use docker_pause, or quarantine the host.'
          : 'Quarantine the container that owns the network, or use docker_pause.',
    })
  }
  const endpoints = endpointsOf(container)
  const sharers = await sharersOf(api, container)
  return {
    steps:
      endpoints.length === 0
        ? [`Nothing to do: ${name} is connected to no network.`]
        : [
            ...endpoints.map((endpoint) => `Disconnect ${name} from the network ${describeEndpoint(endpoint)}.`),
            `Leave ${name} ${container.State?.Running ? 'running' : 'as it is (not running)'}; its processes, memory and files are not touched.`,
            ...sharers.map((sharer) => `This also cuts off ${sharer}, which shares the network of ${name}.`),
          ],
    undo_steps: endpoints.map((endpoint) => `Connect ${name} to the network ${describeEndpoint(endpoint)}.`),
    pre_image: { container_uid: String(container.Id), endpoints },
  }
}

/** Names of the containers that run in this container's network namespace. */
async function sharersOf(api: DockerApi, container: DockerAnswer): Promise<string[]> {
  const all: DockerAnswer[] = await api.request('GET', '/containers/json')
  return all
    .filter((other) => other.HostConfig?.NetworkMode === `container:${container.Id}`)
    .map((other) => String(other.Names?.[0] ?? other.Id).replace(/^\//, ''))
}

async function disconnect(api: DockerApi, id: string, endpoint: Endpoint): Promise<void> {
  try {
    await api.request('POST', `/networks/${endpoint.network_uid || endpoint.network_name}/disconnect`, {
      body: { Container: id, Force: true },
    })
  } catch (error) {
    // The engine has different codes for "is not connected any more": what counts is whether it still is.
    const now = await inspectContainer(api, id)
    if (now && endpointsOf(now).some((left) => left.network_uid === endpoint.network_uid)) throw error
  }
}

async function restore(api: DockerApi, container: DockerAnswer, wanted: Endpoint): Promise<void> {
  const now = endpointsOf(container).find((endpoint) => endpoint.network_uid === wanted.network_uid)
  if (now && differences(wanted, now).length === 0) return
  if (now) await disconnect(api, container.Id, now)
  const path = `/networks/${wanted.network_uid || wanted.network_name}/connect`
  try {
    await api.request('POST', path, { body: connectBody(container.Id, wanted, true) })
  } catch (error) {
    const gone = error instanceof WeirError && error.code === 'not_found'
    if (gone) {
      throw new WeirError(
        'not_found',
        `the network ${wanted.network_name} (${wanted.network_uid.slice(0, 12)}) no longer exists`,
        {
          cause: error,
          hint: 'Create it again and connect the container by hand: a new network of the same name is not the same network.',
        },
      )
    }
    // A network without a configured subnet may refuse a particular address; one that was asked for is never given up.
    if (wanted.ipam?.IPv4Address || wanted.ipam?.IPv6Address) throw error
    await api.request('POST', path, { body: connectBody(container.Id, wanted, false) })
  }
}

async function verify(api: DockerApi, { workload }: ActionContext) {
  const container = await inspectContainer(api, containerId(workload))
  if (!container)
    return { ok: true, evidence: `The container ${workload.name} no longer exists: nothing of it is connected.` }
  const left = endpointsOf(container)
  const state = `It is ${container.State?.Status ?? 'in an unknown state'}.`
  return left.length === 0
    ? { ok: true, evidence: `The engine lists no network of ${workload.name}. ${state}` }
    : {
        ok: false,
        evidence: `${workload.name} is still connected to ${left.map(describeEndpoint).join('; ')}. ${state}`,
      }
}

async function verifyUndo(api: DockerApi, { workload }: ActionContext, wanted: Endpoint[]) {
  const container = await inspectContainer(api, containerId(workload))
  if (!container) return { ok: false, evidence: `The container ${workload.name} no longer exists.` }
  const now = new Map(endpointsOf(container).map((endpoint) => [endpoint.network_uid, endpoint]))
  const wrong = wanted.flatMap((endpoint) => differences(endpoint, now.get(endpoint.network_uid)))
  if (wrong.length > 0) return { ok: false, evidence: `${workload.name}: ${wrong.join('; ')}.` }
  const back = wanted.map((endpoint) => describeEndpoint(now.get(endpoint.network_uid) ?? endpoint))
  const moved = wanted.filter((endpoint) => endpoint.ipv4 && endpoint.ipv4 !== now.get(endpoint.network_uid)?.ipv4)
  const note = moved.map(
    (endpoint) => ` The engine chose a new address on ${endpoint.network_name}; it was ${endpoint.ipv4}.`,
  )
  return {
    ok: true,
    evidence: `${workload.name} is connected to ${back.join('; ') || 'no network, as before'}.${note.join('')}`,
  }
}

/** The pre-image comes from our own record of the plan, but through storage: a damaged one is refused before anything is done. */
function endpointsIn(pre_image: Json): Endpoint[] {
  const endpoints = (pre_image as { endpoints?: unknown } | null)?.endpoints
  if (Array.isArray(endpoints)) return endpoints as Endpoint[]
  throw new WeirError('bad_input', 'the pre-image of docker_quarantine has no endpoints', {
    hint: 'Plan the response again.',
  })
}
