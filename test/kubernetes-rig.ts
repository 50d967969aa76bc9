import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

type Json = { [key: string]: any }
type Event = { type: string; object: Json }

/** PEM files of an authority, and of a server and a client certificate it signed, made in a folder. */
export function certificates(folder: string) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority', '-days', '2')
  writeFileSync(join(folder, 'extensions'), 'subjectAltName=IP:127.0.0.1')
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'extensions']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
  }
  return (name: string) => join(folder, name)
}

/**
 * An API server of one resource, as far as list and watch go: versions, pages, bookmarks, a history that can be
 * forgotten (410), and faults. It speaks as its documentation says it does.
 */
export async function startKubernetesApi(file: (name: string) => string, path: string, kind: string) {
  const objects = new Map<string, Json>()
  const history: { version: number; event: Event }[] = []
  const watchers = new Set<ServerResponse>()
  const requests: { url: URL; token: string | undefined; client: string | undefined; at_ms: number }[] = []
  let refusals: { status: number; headers: { [name: string]: string } }[] = []
  let version = 100
  let forgotten = 0
  let token: string | undefined

  const server = https.createServer(
    {
      cert: readFileSync(file('server.pem')),
      key: readFileSync(file('server.key')),
      ca: readFileSync(file('ca.pem')),
      requestCert: true,
      rejectUnauthorized: false,
    },
    answer,
  )

  function answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'https://x')
    const shown = request.headers.authorization?.replace('Bearer ', '')
    const peer = (
      request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }
    ).getPeerCertificate()
    requests.push({ url, token: shown, client: peer.subject?.CN, at_ms: Date.now() })
    const refusal = refusals.shift()
    if (refusal !== undefined) return status(response, refusal.status, refusal.headers)
    if (token !== undefined && shown !== token) return status(response, 401)
    if (url.pathname !== path) return status(response, 404)
    if (url.searchParams.has('watch')) watch(url, response)
    else list(url, response)
  }

  function status(response: ServerResponse, code: number, headers: { [name: string]: string } = {}) {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message: `refused ${code}` }))
  }

  function list(url: URL, response: ServerResponse) {
    const from = Number(url.searchParams.get('continue') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 500)
    const all = [...objects.values()]
    const next = from + limit < all.length ? String(from + limit) : undefined
    response.writeHead(200, { 'content-type': 'application/json' })
    const items = all.slice(from, from + limit).map(({ kind: _, apiVersion: __, ...item }) => item)
    const metadata = { resourceVersion: String(version), ...(next === undefined ? {} : { continue: next }) }
    response.end(JSON.stringify({ kind: `${kind}List`, apiVersion: 'v1', metadata, items }))
  }

  function watch(url: URL, response: ServerResponse) {
    const since = Number(url.searchParams.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (since < forgotten) {
      const object = {
        kind: 'Status',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
        message: 'too old resource version',
      }
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    for (const { version: at, event } of history) if (at > since) response.write(`${JSON.stringify(event)}\n`)
    watchers.add(response)
    response.on('close', () => watchers.delete(response))
  }

  function happen(type: string, object: Json) {
    version++
    const told = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } })
    if (type === 'DELETED') objects.delete(object.metadata.uid)
    else objects.set(object.metadata.uid, told)
    const event = { type, object: told }
    history.push({ version, event })
    for (const watcher of watchers) watcher.write(`${JSON.stringify(event)}\n`)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    watchers,
    apply: (object: Json) => happen(objects.has(object.metadata.uid) ? 'MODIFIED' : 'ADDED', object),
    remove: (object: Json) => happen('DELETED', object),
    /** Sends a bookmark of a version that no object has. */
    bookmark() {
      version += 10
      const object = { kind, apiVersion: 'v1', metadata: { resourceVersion: String(version) } }
      for (const watcher of watchers) watcher.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
      return version
    },
    /** Writes bytes to all watches as they are. */
    write(text: string) {
      for (const watcher of watchers) watcher.write(text)
    },
    /** Breaks all connections. */
    cut: () => server.closeAllConnections(),
    /** Forgets what happened until now. */
    forget() {
      forgotten = version
      history.length = 0
    },
    refuse(code: number, times: number, headers: { [name: string]: string } = {}) {
      refusals = Array.from({ length: times }, () => ({ status: code, headers }))
    },
    accept(next: string) {
      token = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
