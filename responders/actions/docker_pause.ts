import { createDockerApi, type DockerApi } from '../../core/docker-api.js'
import { dockerConnection } from '../../core/docker-connection.js'
import { WeirError } from '../../core/errors.js'
import { type Action, type ActionContext, defineAction } from '../contract.js'
import { containerId, existingContainer, inspectContainer } from './docker-container.js'

/** Freezes all processes of a container: nothing runs, nothing is lost. Undo lets them run on. */
export const dockerPause = defineAction({
  name: 'docker_pause',
  summary: 'Freeze all processes of a container; memory, files and connections stay as they are.',
  config: dockerConnection,
  example: { address: 'unix:///var/run/docker.sock' },
  permissions: ['GET /containers/{id}/json', 'POST /containers/{id}/pause', 'POST /containers/{id}/unpause'],
  targets: ['container'],
  reversible: true,
  stops_traffic: true,
  create: (config) => {
    const api = createDockerApi(config)
    return {
      async plan({ workload }) {
        const container = await existingContainer(api, workload)
        const { Running, Paused, Status } = container.State
        if (!Running) {
          throw new WeirError(
            'conflict',
            `the container ${workload.name} is ${Status}, only a running one can be paused`,
            {
              hint: 'Nothing of it runs; there is nothing to freeze.',
            },
          )
        }
        return {
          steps: Paused
            ? [`Nothing to do: ${workload.name} is already paused.`]
            : [`Freeze all processes of ${workload.name}.`],
          undo_steps: Paused ? [] : [`Let the processes of ${workload.name} run on.`],
          pre_image: { container_uid: String(container.Id), paused: Boolean(Paused) },
        }
      },
      execute: (context) => change(api, context, 'pause'),
      verify: (context) => verify(api, context, true),
      async undo(context, { pre_image }) {
        if (!wasPaused(pre_image)) await change(api, context, 'unpause')
      },
      verify_undo: (context, { pre_image }) => verify(api, context, wasPaused(pre_image)),
    } satisfies Action
  },
})

/** Brings the container into the state, if it is not there already. Gone or stopped is harmless: nothing runs. */
async function change(api: DockerApi, { workload }: ActionContext, to: 'pause' | 'unpause'): Promise<void> {
  const id = containerId(workload)
  const container = to === 'unpause' ? await existingContainer(api, workload) : await inspectContainer(api, id)
  if (!container?.State.Running || container.State.Paused === (to === 'pause')) return
  await api.request('POST', `/containers/${id}/${to}`)
}

async function verify(api: DockerApi, { workload }: ActionContext, paused: boolean) {
  const container = await inspectContainer(api, containerId(workload))
  if (!container)
    return { ok: paused, evidence: `The container ${workload.name} no longer exists: nothing of it runs.` }
  const { Running, Paused, Status } = container.State
  const ok = paused ? Paused || !Running : Running && !Paused
  return { ok, evidence: `The engine says that ${workload.name} is ${Status}.` }
}

function wasPaused(pre_image: unknown): boolean {
  return (pre_image as { paused?: unknown } | null)?.paused === true
}
