import type { Workload } from './event.js'

type Optional = Pick<
  Workload,
  'provider' | 'account' | 'region' | 'cluster' | 'namespace' | 'image' | 'version' | 'labels'
>

/**
 * A virtual machine or host. `id` is the cloud's instance id where there is one (`i-0abc`), else the machine id,
 * else the host name. Group: image, else role, else the name without its digits.
 */
export function vmWorkload(id: string, name: string, extra: Optional & { role?: string } = {}): Workload {
  const { role, ...rest } = extra
  return { kind: 'vm', uid: `vm/${id}`, name, group: rest.image ?? role ?? stem(name), ...rest }
}

/**
 * A container. Ids are cut to the first 12 characters, because Falco and `docker ps` know no more: so the same
 * container is one workload whoever reports it. Group: the image without registry tag noise is kept as given.
 */
export function containerWorkload(id: string, name: string, extra: Optional = {}): Workload {
  return { kind: 'container', uid: `container/${id.slice(0, 12)}`, name, group: extra.image ?? stem(name), ...extra }
}

/**
 * What the runtimes of Kubernetes write on every container, and so what a workload in a pod is marked with, whoever
 * reports it: the pod table (ingest/pod-table.ts) finds the container of a pod by these labels.
 */
export const POD_LABELS = {
  pod: 'io.kubernetes.pod.name',
  namespace: 'io.kubernetes.pod.namespace',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const

/** What a source knows about the pod of a container. */
export type PodFacts = {
  readonly pod: string
  readonly namespace?: string | undefined
  readonly uid?: string | undefined
  /** Name of the container in the pod. */
  readonly container?: string | undefined
}

/** Labels that mark a container's workload as part of a pod, together with other labels of it. */
export function podLabels({ pod, namespace, uid, container }: PodFacts, labels: { [key: string]: string } = {}) {
  const marked: { [key: string]: string } = { ...labels, [POD_LABELS.pod]: pod }
  if (namespace !== undefined) marked[POD_LABELS.namespace] = namespace
  if (uid !== undefined) marked[POD_LABELS.uid] = uid
  if (container !== undefined) marked[POD_LABELS.container] = container
  return marked
}

/**
 * A pod whose container ids the source does not know, as in most of the Kubernetes audit log. It stands for its
 * container until the pod table knows that. Group: image, else what the pod was made from (`web-6c9f7d5b48-x2x7k` is
 * `web`).
 */
export function podWorkload(facts: PodFacts, extra: Optional = {}): Workload {
  const { labels, ...rest } = extra
  const namespace = facts.namespace ?? 'default'
  return {
    kind: 'container',
    uid: `pod/${rest.cluster === undefined ? '' : `${rest.cluster}/`}${namespace}/${facts.pod}`,
    name: facts.pod,
    group: rest.image ?? `${namespace}/${podStem(facts.pod)}`,
    ...rest,
    namespace,
    labels: podLabels({ ...facts, namespace }, labels),
  }
}

/** Letters and digits that Kubernetes makes the random part of a name from. */
const GENERATED = '[bcdfghjklmnpqrstvwxz2456789]'
const POD_SUFFIX = new RegExp(`-(?:${GENERATED}{8,10}-${GENERATED}{5}|${GENERATED}{5}|\\d{1,5})$`)

function podStem(name: string): string {
  return name.replace(POD_SUFFIX, '') || name
}

/** A serverless function. `provider` is aws, azure, gcp or openwhisk. Group: name and version. */
export function functionWorkload(
  provider: string,
  account: string,
  region: string,
  name: string,
  extra: Omit<Optional, 'provider' | 'account' | 'region'> = {},
): Workload {
  return {
    kind: 'function',
    uid: `function/${provider}/${account}/${region}/${name}`,
    name,
    group: extra.version ? `${name}:${extra.version}` : name,
    provider,
    account,
    region,
    ...extra,
  }
}

/**
 * A name without trailing digits and separators: web-01 and web-02 are alike. A short container id and an instance id
 * stand for themselves.
 */
function stem(name: string): string {
  if (/^[0-9a-f]{12}$|^i-[0-9a-f]{8}(?:[0-9a-f]{9})?$/.test(name)) return name
  return name.replace(/[-_.]?[0-9]+$/, '') || name
}
