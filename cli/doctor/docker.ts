import { existsSync } from 'node:fs'
import { createDockerApi } from '../../core/docker-api.js'
import { type DockerConnection, dockerConnection } from '../../core/docker-connection.js'
import { messageOf, WeirError } from '../../core/errors.js'
import { listeningEngines, probeEngine } from '../../ingest/collectors/docker/exposure.js'
import type { WeirConfig } from '../config.js'
import { type Check, ok, warn } from './check.js'

const ANSWER_WITHIN_MS = 2_000

/** Every configured Docker engine, and engines of this machine that the network can command. */
export async function checkDocker(collectors: WeirConfig['collectors']): Promise<Check[]> {
  const connections = Object.entries(collectors).flatMap(([instance, { type, ...rest }]) =>
    type === 'docker' ? [{ instance, connection: dockerConnection.strip().parse(rest) }] : [],
  )
  const engines = await Promise.all(connections.map(({ instance, connection }) => checkEngine(instance, connection)))
  const exposure = existsSync('/proc/self/stat') ? await checkExposure() : []
  return [...(engines.length > 0 ? engines : [ok('docker', 'no docker collector is configured')]), ...exposure]
}

async function checkEngine(instance: string, connection: DockerConnection): Promise<Check> {
  const name = instance === 'docker' ? 'docker' : `docker ${instance}`
  try {
    const api = createDockerApi({ ...connection, timeout_ms: ANSWER_WITHIN_MS })
    try {
      const { engine, api: version } = await api.version()
      const found = `engine ${engine} (API ${version}) answers at ${connection.address}`
      if (!connection.address.startsWith('tcp:') || api.tls) return ok(name, found)
      return warn(
        name,
        `${found}, without TLS`,
        'Give the engine a certificate, and Weir ca_file, cert_file and key_file.',
      )
    } finally {
      api.close()
    }
  } catch (error) {
    const todo = error instanceof WeirError && error.hint ? error.hint : 'Check the address in collectors.'
    return warn(name, `${messageOf(error)}. Containers are not seen, and responses to them cannot act.`, todo)
  }
}

/** Engines of this machine that answer without asking for a certificate: whoever reaches them is root here. */
async function checkExposure(): Promise<Check[]> {
  const { candidates, denied } = listeningEngines('/')
  const probes = await Promise.all(
    candidates.map(async ({ ip, port }) => ({ ip, port, answer: await probeEngine(ip, port, ANSWER_WITHIN_MS) })),
  )
  const open = probes.filter(({ answer }) => answer !== 'closed').map(({ ip, port }) => `${ip}:${port}`)
  if (open.length > 0) {
    const todo =
      'Remove -H tcp://... from dockerd, or start it with --tlsverify: whoever reaches that port is root here.'
    return [warn('docker api', `open to everybody without a client certificate at ${open.join(', ')}`, todo)]
  }
  if (denied.length > 0) {
    const found = `not known whether dockerd (process ${denied.join(', ')}) listens on the network`
    return [warn('docker api', found, 'Run as root, or with CAP_SYS_PTRACE, to see its sockets.')]
  }
  return [ok('docker api', 'no engine of this machine answers without a certificate')]
}
