import { readFileSync } from 'node:fs'
import type https from 'node:https'
import { z } from 'zod'
import { WeirError } from './errors.js'

/** How to reach a Docker engine. Shared by the collector and the actions, so that it is written once in a configuration. */
export const dockerConnection = z.strictObject({
  address: z
    .string()
    .default('unix:///var/run/docker.sock')
    .describe(
      'Address of the engine: unix:///path/to/socket or tcp://host:port (with TLS when certificate files are set).',
    ),
  ca_file: z
    .string()
    .optional()
    .describe('PEM file of the authority that signed the engine certificate; turns TLS on.'),
  cert_file: z.string().optional().describe('PEM file of our client certificate; needs key_file.'),
  key_file: z.string().optional().describe('PEM file of the key of cert_file.'),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(15_000)
    .describe('Longest wait for one answer of the engine, in ms.'),
})
export type DockerConnection = z.output<typeof dockerConnection>

/** Where requests go. */
export type Target = { tls: boolean; options: https.RequestOptions; headers: { [name: string]: string } }

/** Throws `config_invalid` for an address it does not know and for certificate files it cannot read. */
export function targetOf(connection: DockerConnection): Target {
  const { address, ca_file, cert_file, key_file } = connection
  if (address.startsWith('unix://')) {
    const socketPath = address.slice('unix://'.length)
    // Over TCP the name must be the real one: TLS checks the engine's certificate against it.
    if (socketPath.startsWith('/')) return { tls: false, options: { socketPath }, headers: { Host: 'docker' } }
  }
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/\s]+)(?::(\d{1,5}))?\/?$/.exec(address)
  if (!tcp?.[1]) {
    throw new WeirError('config_invalid', `"${address}" is not an address of a Docker engine`, {
      hint: 'Write unix:///var/run/docker.sock, or tcp://host:2376 with ca_file, cert_file and key_file.',
    })
  }
  const tls = Boolean(ca_file ?? cert_file ?? key_file)
  if (Boolean(cert_file) !== Boolean(key_file)) {
    throw new WeirError(
      'config_invalid',
      `${cert_file ? 'cert_file' : 'key_file'} is set without ${cert_file ? 'key_file' : 'cert_file'}`,
      {
        hint: 'A client certificate needs both files.',
      },
    )
  }
  const host = tcp[1].replace(/^\[|\]$/g, '')
  const files = {
    ...(ca_file ? { ca: pem(ca_file, 'ca_file') } : {}),
    ...(cert_file ? { cert: pem(cert_file, 'cert_file') } : {}),
    ...(key_file ? { key: pem(key_file, 'key_file') } : {}),
  }
  return { tls, options: { host, port: Number(tcp[2] ?? (tls ? 2376 : 2375)), ...files }, headers: {} }
}

function pem(path: string, field: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new WeirError('config_invalid', `cannot read ${field} "${path}"`, {
      cause,
      hint: 'Give a PEM file this user can read.',
    })
  }
}

/** An error of the connection as a fault with a hint; a fault of our own stays as it is. */
export function faultOf(error: unknown, { address }: DockerConnection): unknown {
  if (error instanceof WeirError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const hints: Record<string, string> = {
    ENOENT: 'There is no such socket: is Docker installed and running?',
    ECONNREFUSED: 'Nothing listens there: is Docker running?',
    EACCES: 'This user may not open the socket: run as root or as a member of the group that owns it.',
    ENOTFOUND: 'The host name is not known.',
  }
  const hint = hints[code ?? ''] ?? 'Check the address, and whether the engine expects TLS.'
  return new WeirError('unreachable', `cannot reach the Docker engine at ${address}: ${message}`, {
    cause: error,
    retryable: true,
    hint,
  })
}
