import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createDockerApi } from '../../../core/docker-api.js'
import { dockerConnection } from '../../../core/docker-connection.js'
import { probeEngine } from './exposure.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

openssl(
  'req',
  '-x509',
  '-newkey',
  'rsa:2048',
  '-nodes',
  '-keyout',
  'ca.key',
  '-out',
  'ca.pem',
  '-subj',
  '/CN=test authority',
  '-days',
  '2',
)
for (const name of ['server', 'client']) {
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${name}`,
  )
  writeFileSync(file('extensions'), 'subjectAltName=IP:127.0.0.1')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'extensions']
  openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
}

/** An engine on TCP with TLS; `verify` asks the client for a certificate, as dockerd --tlsverify does. */
async function secured(verify: boolean) {
  const options = {
    ca: readFileSync(file('ca.pem')),
    cert: readFileSync(file('server.pem')),
    key: readFileSync(file('server.key')),
  }
  const server = https.createServer({ ...options, requestCert: verify, rejectUnauthorized: verify }, (_, response) =>
    response.end(JSON.stringify({ ApiVersion: '1.41', MinAPIVersion: '1.12', Version: 'x' })),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

test('a client certificate opens a protected engine, without it nobody gets in', async () => {
  const port = await secured(true)
  const address = `tcp://127.0.0.1:${port}`
  const connect = (files: object) => createDockerApi(dockerConnection.parse({ address, ...files })).version()
  const ca_file = file('ca.pem')
  const ours = { ca_file, cert_file: file('client.pem'), key_file: file('client.key') }
  assert.deepEqual(await connect(ours), { api: '1.41', engine: 'x' })
  await assert.rejects(connect({ ca_file }), { code: 'unreachable' })
  await assert.rejects(
    connect({ ...ours, ca_file: undefined }),
    { code: 'unreachable' },
    'an unknown authority is not trusted',
  )
  await assert.rejects(connect({}), { code: /unreachable|bad_input|unsupported/ })
  assert.equal(await probeEngine('127.0.0.1', port), 'closed')
})

test('TLS without client certificates is still open to everybody', async () => {
  assert.equal(await probeEngine('127.0.0.1', await secured(false)), 'open_tls')
  assert.equal(await probeEngine('127.0.0.1', 1), 'closed')
})
