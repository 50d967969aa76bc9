import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A registry on 127.0.0.1 with one image of one empty layer; an engine trusts that address without TLS. */
export async function imageRegistry(repository: string, tag: string) {
  const blobs = new Map<string, Buffer>()
  const keep = (bytes: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    blobs.set(digest, bytes)
    return { digest, size: bytes.length }
  }
  // Two empty blocks: an archive without files.
  const layer = Buffer.alloc(1024)
  const diff_id = `sha256:${createHash('sha256').update(layer).digest('hex')}`
  const compressed = keep(gzipSync(layer))
  const config = keep(
    Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [diff_id] },
      }),
    ),
  )
  const types = 'application/vnd.docker'
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${types}.distribution.manifest.v2+json`,
      config: { mediaType: `${types}.container.image.v1+json`, ...config },
      layers: [{ mediaType: `${types}.image.rootfs.diff.tar.gzip`, ...compressed }],
    }),
  )
  const { digest } = keep(manifest)
  const server = createServer((request, response) => {
    const [, kind, name = ''] = new RegExp(`^/v2/${repository}/(manifests|blobs)/(.+)$`).exec(request.url ?? '') ?? []
    const bytes = kind === undefined ? undefined : blobs.get(name === tag ? digest : name)
    if (request.url === '/v2/') return response.end('{}')
    if (!bytes) return response.writeHead(404).end('{"errors":[]}')
    const type = kind === 'manifests' ? `${types}.distribution.manifest.v2+json` : 'application/octet-stream'
    const headers = { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': name }
    if (kind === 'manifests') headers['docker-content-digest'] = digest
    response.writeHead(200, headers)
    return response.end(request.method === 'HEAD' ? undefined : bytes)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    /** `127.0.0.1:40123/team/app` */
    name: `127.0.0.1:${port}/${repository}`,
    digest,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
