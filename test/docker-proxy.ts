import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Stands between Weir and a Docker engine, sees its requests and can keep answers back. */
export type DockerProxy = {
  /** `unix:///...`: what Weir is configured with. */
  readonly address: string
  /** First lines of the requests that went through, e.g. `POST /v1.47/networks/ab12/disconnect HTTP/1.1`. */
  readonly requests: string[]
  /** From now on the engine does what a matching request asks for, but nobody gets an answer. Resolves at the first such answer. */
  hold(request: RegExp): Promise<void>
  /** Lets answers through again. */
  release(): void
  stop(): Promise<void>
}

/** Listens on the socket file `path` and passes everything on to the engine's socket file. */
export async function startDockerProxy(path: string, engine: string): Promise<DockerProxy> {
  const requests: string[] = []
  const open = new Set<Socket>()
  let held: { request: RegExp; seen: () => void } | undefined

  const server = createServer((client) => {
    const upstream = connect(engine)
    let last = ''
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => {
      const line = /^[A-Z]+ \/\S+ HTTP\/1\.1/.exec(bytes.toString('latin1'))?.[0]
      if (line) {
        last = line
        requests.push(line)
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes: Buffer) => {
      if (held?.request.test(last)) held.seen()
      else client.write(bytes)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    address: `unix://${path}`,
    requests,
    hold: (request) =>
      new Promise((seen) => {
        held = { request, seen }
      }),
    release() {
      held = undefined
    },
    async stop() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
