import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import kafkajs, { type Kafka, type KafkaConfig, type Mechanism, type SASLOptions } from 'kafkajs'
import { messageOf, WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import { bearerMechanism } from './kafka-bearer.js'
import { registerKafkaCodecs } from './kafka-codecs.js'
import type { KafkaConnection } from './kafka-config.js'

const CONNECT_WITHIN_MS = 4_000

export type KafkaConnectionDeps = {
  readonly log: Log
  /** Where in the configuration the connection is: `bus.kafka`. */
  readonly setting: string
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
  if (connection.sasl) config.sasl = saslOptions(connection.sasl, deps.setting)
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

function saslOptions(sasl: NonNullable<KafkaConnection['sasl']>, setting: string): SASLOptions | Mechanism {
  return sasl.mechanism === 'oauthbearer' ? bearerMechanism(sasl, setting) : sasl
}
