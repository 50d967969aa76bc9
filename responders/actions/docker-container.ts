import type { DockerAnswer, DockerApi } from '../../core/docker-api.js'
import { WeirError } from '../../core/errors.js'
import type { Workload } from '../../ocsf/event.js'

/** The id an engine understands, from the workload. Throws `bad_input` if the workload is not a container. */
export function containerId(workload: Workload): string {
  const id = /^container\/([0-9a-f]{12,64})$/.exec(workload.uid)?.[1]
  if (workload.kind === 'container' && id) return id
  throw new WeirError('bad_input', `"${workload.uid}" is not a Docker container: expected container/ and its id`)
}

/** What the engine says about the container; undefined if it no longer exists. */
export async function inspectContainer(api: DockerApi, id: string): Promise<DockerAnswer | undefined> {
  try {
    return await api.request('GET', `/containers/${id}/json`)
  } catch (error) {
    if (error instanceof WeirError && error.code === 'not_found') return undefined
    throw error
  }
}

/** As `inspectContainer`, but throws `not_found` saying what to do when the container is gone. */
export async function existingContainer(api: DockerApi, workload: Workload): Promise<DockerAnswer> {
  const found = await inspectContainer(api, containerId(workload))
  if (found) return found
  throw new WeirError(
    'not_found',
    `the container ${workload.name} (${workload.uid}) no longer exists on ${api.address}`,
    {
      hint: 'Nothing is left to act on; if it was recreated, it is a new workload with its own findings.',
    },
  )
}
