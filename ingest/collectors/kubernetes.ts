import { messageOf } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { createKubernetesApi, type KubernetesApi } from './kubernetes/api.js'
import { type KubernetesConfig, kubernetesConfig } from './kubernetes/config.js'
import { connectionOf } from './kubernetes/connection.js'
import { followResource } from './kubernetes/watch.js'

/** Inventory and configuration of a Kubernetes cluster, by list and watch. */
export const kubernetes = defineCollector({
  name: 'kubernetes',
  summary: 'Kubernetes API: pods, nodes, workloads, roles, bindings and network policies, and every change of them.',
  config: kubernetesConfig,
  example: { cluster: 'shop' },
  formats: ['kubernetes_objects'],
  create: createKubernetes,
})

function createKubernetes(config: KubernetesConfig, deps: CollectorDeps): Collector {
  const stopping = new AbortController()
  const { signal } = stopping
  let api: KubernetesApi | undefined
  let running: Promise<void>[] = []
  const where = config.kubeconfig ?? config.server
  return {
    async start() {
      const opened = createKubernetesApi(await connectionOf(config), config.request_timeout_ms)
      api = opened
      running = config.resources.map((resource) => followResource(resource, opened, config, deps, signal))
      for (const [n, part] of running.entries()) {
        // What ends one of them for good is a fault of this machine (a full disk, say): it is told, and the others go on.
        part.catch((error) => {
          if (signal.aborted) return
          const message = `${config.resources[n]} of Kubernetes are not seen any more: ${messageOf(error)}.`
          deps.coverage({ part: config.resources[n] as string, status: 'unavailable', message })
        })
      }
    },
    async stop() {
      stopping.abort()
      const ending = running
      running = []
      await Promise.allSettled(ending)
      api?.close()
      api = undefined
    },
    describe: () => `Kubernetes at ${where}: ${config.resources.join(', ')}`,
  }
}
