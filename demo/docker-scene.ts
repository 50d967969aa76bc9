import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DockerApi } from '../core/docker-api.js'
import { WeirError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import { busyboxImage, importImage } from './docker-image.js'

/** A real container that talks to another one all the time, in a network of their own. */
export type DockerScene = {
  /** Full id of the container to quarantine. */
  id: string
  /** Bytes a second it sends and receives now, by the engine's own counters. */
  traffic(): Promise<number>
  /** Removes everything that was made. */
  remove(): Promise<void>
}

const PORT = 3333
const LOOK_MS = 1_500

/** Starts the scene. Throws a WeirError with a hint when the engine or an image is missing. */
export async function startDockerScene(api: DockerApi): Promise<DockerScene> {
  const name = `weir-demo-${process.pid}`
  const made: string[] = []
  const undo = async () => {
    for (const path of made.reverse()) await api.request('DELETE', path).catch(() => {})
  }
  try {
    const { image, serve, talk } = await programs(api)
    const network = (await api.request('POST', '/networks/create', { body: { Name: name, Driver: 'bridge' } })).Id
    made.push(`/networks/${network}`)
    const run = async (role: string, command: string[]) => {
      const body = {
        Image: image,
        Cmd: command,
        StopTimeout: 1,
        Labels: { 'weir.demo': role },
        HostConfig: { NetworkMode: name },
      }
      const { Id } = await api.request('POST', '/containers/create', { query: { name: `${name}-${role}` }, body })
      made.push(`/containers/${Id}?force=true`)
      await api.request('POST', `/containers/${Id}/start`)
      return Id as string
    }
    const peer = await run('peer', serve)
    const address = (await api.request('GET', `/containers/${peer}/json`)).NetworkSettings.Networks[name].IPAddress
    const id = await run('shop-api', talk(address))
    return { id, traffic: () => traffic(api, id), remove: undo }
  } catch (error) {
    await undo()
    throw error
  }
}

async function traffic(api: DockerApi, id: string): Promise<number> {
  const bytes = async () => {
    const { networks = {} } = await api.request('GET', `/containers/${id}/stats`, {
      query: { stream: false, 'one-shot': true },
    })
    const counters = Object.values(networks as Record<string, { rx_bytes: number; tx_bytes: number }>)
    return counters.reduce((sum, { rx_bytes, tx_bytes }) => sum + rx_bytes + tx_bytes, 0)
  }
  const before = await bytes()
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  // The counters go with the network: a container that was cut off has none.
  return Math.max(0, ((await bytes()) - before) * 1_000) / LOOK_MS
}

/** Programs of the two containers, for the image that could be had. */
type Programs = { image: string; serve: string[]; talk: (address: string) => string[] }

/** An image that is there, one made of this machine's static busybox or of Node itself, or one pulled. */
async function programs(api: DockerApi): Promise<Programs> {
  const images: { RepoTags?: string[] | null }[] = await api.request('GET', '/images/json')
  const present = images.flatMap(({ RepoTags }) => RepoTags ?? []).find((tag) => /^(busybox|weir-test):/.test(tag))
  if (present) return busyboxPrograms(present)
  const unpacked = join(packageRoot, '.stack', 'docker', 'root')
  const folders = ['/usr/bin', '/bin', join(unpacked, 'usr/bin'), join(unpacked, 'bin')]
  const busybox = folders.map((folder) => join(folder, 'busybox')).find((path) => existsSync(path) && isStatic(path))
  if (busybox) return busyboxPrograms(await busyboxImage(api, busybox))
  if (process.platform === 'linux' && api.address.startsWith('unix:')) return nodePrograms(api)
  try {
    await api.request('POST', '/images/create', { query: { fromImage: 'busybox', tag: 'latest' }, timeout_ms: 120_000 })
    return busyboxPrograms('busybox:latest')
  } catch (error) {
    throw new WeirError('not_found', 'there is no busybox image for the demo, and none can be pulled', {
      hint: 'Run `docker pull busybox`.',
      cause: error,
    })
  }
}

function busyboxPrograms(image: string): Programs {
  return {
    image,
    serve: ['httpd', '-f', '-p', String(PORT), '-h', '/tmp'],
    talk: (address) => [
      'sh',
      '-c',
      `while true; do nc -w 1 ${address} ${PORT} </dev/null >/dev/null 2>&1; sleep 0.1; done`,
    ],
  }
}

/** What runs Weir runs in a container of the same machine, too: Node and the libraries it is linked with. */
async function nodePrograms(api: DockerApi): Promise<Programs> {
  const image = 'weir-demo-node:1'
  const libraries = [...execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map(
    ([, path]) => path as string,
  )
  const files = [
    { path: 'bin/node', from: process.execPath },
    ...libraries.map((from) => ({ path: from.slice(1), from })),
  ]
  const parents = new Set(
    files.flatMap(({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, n, parts) => `${parts.slice(0, n + 1).join('/')}/`),
    ),
  )
  await importImage(api, image, [
    ...[...parents, 'tmp/'].sort().map((path) => ({ path, mode: 0o755 })),
    ...files.map(({ path, from }) => ({ path, mode: 0o755, data: readFileSync(from) })),
  ])
  return {
    image,
    serve: ['/bin/node', '-e', `require('net').createServer((s) => s.on('error', () => {}).end('x')).listen(${PORT})`],
    talk: (address) => [
      '/bin/node',
      '-e',
      `setInterval(() => require('net').connect(${PORT}, '${address}').on('error', () => {}).resume(), 100)`,
    ],
  }
}

/** A program without an interpreter in its header needs no libraries. */
function isStatic(path: string): boolean {
  return !readFileSync(path).subarray(0, 4_096).includes('/ld-linux')
}
