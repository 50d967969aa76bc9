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

/** A name without trailing digits and separators: web-01 and web-02 are alike. A short container id stands for itself. */
function stem(name: string): string {
  if (/^[0-9a-f]{12}$/.test(name)) return name
  return name.replace(/[-_.]?[0-9]+$/, '') || name
}
