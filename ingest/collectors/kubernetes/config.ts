import { z } from 'zod'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What is watched, with the API that has it. */
export const RESOURCES = {
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  namespaces: '/api/v1/namespaces',
  serviceaccounts: '/api/v1/serviceaccounts',
  deployments: '/apis/apps/v1/deployments',
  daemonsets: '/apis/apps/v1/daemonsets',
  statefulsets: '/apis/apps/v1/statefulsets',
  replicasets: '/apis/apps/v1/replicasets',
  jobs: '/apis/batch/v1/jobs',
  cronjobs: '/apis/batch/v1/cronjobs',
  services: '/api/v1/services',
  ingresses: '/apis/networking.k8s.io/v1/ingresses',
  networkpolicies: '/apis/networking.k8s.io/v1/networkpolicies',
  roles: '/apis/rbac.authorization.k8s.io/v1/roles',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1/rolebindings',
  clusterroles: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  clusterrolebindings: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
} as const

/** Name of a resource of the API. */
export type Resource = keyof typeof RESOURCES

const names = Object.keys(RESOURCES) as [Resource, ...Resource[]]

/** Every field of the kubernetes collector. */
export const kubernetesConfig = z.strictObject({
  kubeconfig: z
    .string()
    .optional()
    .describe('kubeconfig file to read address and credentials from; absent: those of the pod Weir runs in.'),
  context: z.string().optional().describe('Context of the kubeconfig; absent: its current one.'),
  server: z
    .url({ protocol: /^https?$/ })
    .default('https://kubernetes.default.svc')
    .describe('Address of the API server where there is no kubeconfig.'),
  token_file: z
    .string()
    .default(`${ACCOUNT}/token`)
    .describe('File with the bearer token; it is read again for every request, since it is rotated.'),
  ca_file: z
    .string()
    .default(`${ACCOUNT}/ca.crt`)
    .describe('PEM file of the authority that signed the certificate of the API server.'),
  cluster: z.string().optional().describe('Name of the cluster, written on every event.'),
  resources: z
    .array(z.enum(names))
    .min(1)
    .default([...names])
    .describe('What is watched. Secrets and ConfigMaps never are.'),
  page_size: z.int().min(1).max(10_000).default(500).describe('Objects in one answer of a list.'),
  watch_timeout_ms: z
    .int()
    .min(1_000)
    .default(300_000)
    .describe('Time after which the API server ends a watch and a new one goes on, in ms.'),
  request_timeout_ms: z.int().min(100).default(30_000).describe('Longest wait for the beginning of an answer, in ms.'),
  retry_first_ms: z.int().min(10).default(500).describe('First wait after a failure, in ms; doubled each time.'),
  retry_max_ms: z.int().min(10).default(60_000).describe('Longest wait after a failure, in ms.'),
})

/** Configuration of the kubernetes collector, checked. */
export type KubernetesConfig = z.output<typeof kubernetesConfig>
