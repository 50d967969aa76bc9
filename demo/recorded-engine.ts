import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { API_ID, API_IP, CACHE_ID, CACHE_IP } from './world.js'

const NETWORK_ID = '7d3c1f0a95b24e68d1c07fa2369be5d480f6c2a71e94b35d0c8a17f6e2b4093d'

function container(id: string, name: string, image: string, ip: string) {
  return {
    Id: id,
    Name: `/${name}`,
    Names: [`/${name}`],
    Config: { Image: image },
    State: { Running: true, Paused: false, Status: 'running' },
    HostConfig: { NetworkMode: 'shop' },
    NetworkSettings: {
      Networks: {
        shop: {
          NetworkID: NETWORK_ID,
          IPAddress: ip,
          IPPrefixLen: 16,
          Gateway: '172.18.0.1',
          MacAddress: `02:42:${ip
            .split('.')
            .map((part) => Number(part).toString(16).padStart(2, '0'))
            .join(':')}`,
          Aliases: [name, id.slice(0, 12)],
          IPAMConfig: null,
          Links: null,
          DriverOpts: null,
        },
      },
    },
  }
}

const containers = [
  container(API_ID, 'shop-api', 'registry.shop.example/shop-api:2.3.1', API_IP),
  container(CACHE_ID, 'shop-cache', 'redis:7.2', CACHE_IP),
]

/** Where the recorded engine listens, in the form of `docker_connection.address`. */
export type RecordedEngine = { address: string; stop(): Promise<void> }

/**
 * The engine of the recorded machine, as far as a plan asks it: it answers reads from the recording and refuses every
 * change with 403, so that a demo without Docker can show what a plan would do, and can do no more than show it.
 */
export async function startRecordedEngine(): Promise<RecordedEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-demo-engine-'))
  const socket = join(folder, 'docker.sock')
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]?.replace(/^\/v\d+\.\d+/, '') ?? ''
    const [status, body] = request.method === 'GET' ? answer(path) : [403, { message: 'this engine is a recording' }]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve))
  return {
    address: `unix://${socket}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function answer(path: string): [number, unknown] {
  if (path === '/version') return [200, { ApiVersion: '1.47', MinAPIVersion: '1.24', Version: '27.5.1' }]
  if (path === '/containers/json') return [200, containers]
  const id = /^\/containers\/([0-9a-f]{12,64})\/json$/.exec(path)?.[1]
  const found = id && containers.find(({ Id }) => Id.startsWith(id))
  return found ? [200, found] : [404, { message: `No such container: ${path}` }]
}
