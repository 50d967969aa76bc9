import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { messageOf, WeirError } from '../../../core/errors.js'
import type { KubernetesConfig } from './config.js'

/** Where the API server is and how to show who asks. */
export type Connection = {
  readonly server: URL
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  /** The bearer token of this moment. */
  token(): Promise<string | undefined>
}

type Entry = { [key: string]: unknown }

/** Reads credentials: of a kubeconfig, else of the pod's service account. Throws `config_invalid` or `unsupported`. */
export async function connectionOf(config: KubernetesConfig): Promise<Connection> {
  const connection =
    config.kubeconfig === undefined ? await inCluster(config) : await fromFile(config, config.kubeconfig)
  const { protocol, hostname } = connection.server
  if (protocol !== 'https:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
    throw invalid(
      `${connection.server.origin} is not encrypted`,
      'Use https; plain http only to this machine (kubectl proxy).',
    )
  }
  return connection
}

async function inCluster({ server, ca_file, token_file }: KubernetesConfig): Promise<Connection> {
  const url = new URL(server)
  await textOf(token_file, 'token_file')
  return {
    server: url,
    ...(url.protocol === 'https:' ? { ca: await textOf(ca_file, 'ca_file') } : {}),
    token: async () => (await textOf(token_file, 'token_file')).trim(),
  }
}

async function fromFile({ context }: KubernetesConfig, path: string): Promise<Connection> {
  let file: Entry
  try {
    file = entry(parse(await textOf(path, 'kubeconfig')))
  } catch (cause) {
    if (cause instanceof WeirError) throw cause
    throw invalid(`${path} is not YAML: ${messageOf(cause)}`, 'Expected a kubeconfig file.')
  }
  const chosen = context ?? text(file['current-context'])
  const named = (list: string, name: unknown): Entry => {
    const found = (Array.isArray(file[list]) ? (file[list] as unknown[]) : [])
      .map(entry)
      .find((one) => one.name === name)
    if (found === undefined)
      throw invalid(`${path}: ${list} has no entry "${String(name ?? '')}"`, 'Set context to one that is there.')
    return found
  }
  const { cluster, user } = entry(named('contexts', chosen).context)
  const place = entry(named('clusters', cluster).cluster)
  const who = user === undefined || user === '' ? {} : entry(named('users', user).user)
  refuseUnsupported(path, place, who)
  const server = text(place.server)
  if (server === undefined || !URL.canParse(server))
    throw invalid(`${path}: cluster.server is not an address`, 'Write https://host:6443.')
  const at = (name: string) => resolve(dirname(path), name)
  const pem = async (from: Entry, name: string) => {
    const data = text(from[`${name}-data`])
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
    const file_name = text(from[name])
    return file_name === undefined ? undefined : textOf(at(file_name), name)
  }
  const [ca, cert, key] = [
    await pem(place, 'certificate-authority'),
    await pem(who, 'client-certificate'),
    await pem(who, 'client-key'),
  ]
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(
      `${path}: a client certificate needs both client-certificate and client-key`,
      'Write both, or a token.',
    )
  }
  const tokenFile = text(who.tokenFile)
  const token = text(who.token)
  const servername = text(place['tls-server-name'])
  return {
    server: new URL(server),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    token: async () => (tokenFile === undefined ? token : (await textOf(at(tokenFile), 'tokenFile')).trim()),
  }
}

function refuseUnsupported(path: string, place: Entry, who: Entry) {
  const hint = 'Use a service account token or a client certificate: docs/collect-kubernetes.md shows how to make one.'
  for (const name of ['exec', 'auth-provider', 'username', 'password', 'as']) {
    if (who[name] !== undefined)
      throw new WeirError('unsupported', `${path}: credentials of kind "${name}" are not supported`, { hint })
  }
  if (place['insecure-skip-tls-verify'] === true) {
    throw new WeirError(
      'unsupported',
      `${path}: insecure-skip-tls-verify would let anybody answer for the API server`,
      {
        hint: 'Set certificate-authority to the PEM file of the authority of the cluster.',
      },
    )
  }
  if (place['proxy-url'] !== undefined) {
    throw new WeirError('unsupported', `${path}: proxy-url is not supported`, {
      hint: 'Let Weir run where it reaches the API server.',
    })
  }
}

async function textOf(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid(
      `${path} (${name}) cannot be read: ${messageOf(cause)}`,
      'Outside of a cluster set kubeconfig.',
      cause,
    )
  }
}

function invalid(message: string, hint: string, cause?: unknown): WeirError {
  return new WeirError('config_invalid', message, { hint, ...(cause === undefined ? {} : { cause }) })
}

function entry(value: unknown): Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
