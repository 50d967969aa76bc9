import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import kafkajs, { type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs'
import { messageOf, WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import { registerKafkaCodecs } from './kafka-codecs.js'
import type { KafkaConnection } from './kafka-config.js'

const CONNECT_WITHIN_MS = 4_000

export type KafkaConnectionDeps = {
  readonly log: Log
  /** Where in the configuration the connection is: `bus.kafka`. */
  readonly setting: string
  /** Gives a token for OAUTHBEARER, in place of `token_file` and `token_url`. */
  readonly oauth_token?: () => Promise<string>
  /** What is fetched has to fit into it. */
  readonly memory?: MemoryBound | undefined
}

/** A client that is not connected yet. Throws `setting_missing` if a file that is named cannot be read. */
export function openKafka(connection: KafkaConnection, deps: KafkaConnectionDeps): Kafka {
  const config: KafkaConfig = {
    brokers: connection.brokers,
    clientId: connection.client_id,
    connectionTimeout: CONNECT_WITHIN_MS,
    requestTimeout: connection.request_timeout_ms,
    // Retried by those who use it, who know what to say meanwhile.
    retry: { retries: 4, initialRetryTime: 100, maxRetryTime: 2_000 },
    logLevel: kafkajs.logLevel.INFO,
    // What matters of it is said by us, once and with the name of the setting.
    logCreator:
      () =>
      ({ namespace, log: { message, timestamp: _, logger: __, ...fields } }) =>
        deps.log.debug({ kafkajs: namespace, ...fields }, message),
  }
  registerKafkaCodecs(deps.memory)
  if (connection.tls) config.ssl = tlsOptions(connection.tls, deps.setting)
  if (connection.sasl) config.sasl = saslOptions(connection.sasl, deps)
  return new kafkajs.Kafka(config)
}

function tlsOptions(tls: NonNullable<KafkaConnection['tls']>, setting: string): ConnectionOptions {
  const read = (field: 'ca_file' | 'cert_file' | 'key_file') => {
    const file = tls[field]
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      throw new WeirError('setting_missing', `${setting}.tls.${field}: cannot read ${file}: ${messageOf(cause)}`, {
        cause,
      })
    }
  }
  const [ca, cert, key] = [read('ca_file'), read('cert_file'), read('key_file')]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.server_name === undefined ? {} : { servername: tls.server_name }),
  }
}

function saslOptions(sasl: NonNullable<KafkaConnection['sasl']>, deps: KafkaConnectionDeps): SASLOptions {
  if (sasl.mechanism !== 'oauthbearer') return sasl
  const { token_file, token_url } = sasl
  return {
    mechanism: 'oauthbearer',
    async oauthBearerProvider() {
      if (deps.oauth_token) return { value: await deps.oauth_token() }
      if (token_file) return { value: (await readFile(token_file, 'utf8')).trim() }
      if (token_url) return { value: await askForToken(token_url, sasl) }
      throw new WeirError('setting_missing', `${deps.setting}.sasl needs token_file or token_url`)
    },
  }
}

async function askForToken(
  url: string,
  credentials: { client_id?: string | undefined; client_secret?: string | undefined; scope?: string | undefined },
): Promise<string> {
  const fields = Object.entries({ grant_type: 'client_credentials', ...credentials, mechanism: undefined })
  const wanted = ['grant_type', 'client_id', 'client_secret', 'scope']
  const body = new URLSearchParams(
    fields.filter((field): field is [string, string] => wanted.includes(field[0]) && field[1] !== undefined),
  )
  const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(CONNECT_WITHIN_MS) })
  const answer = (await response.json().catch(() => ({}))) as { access_token?: unknown }
  if (typeof answer.access_token === 'string') return answer.access_token
  throw new WeirError('unauthorized', `the token endpoint ${url} answered ${response.status} without a token`)
}
