import { messageOf, WeirError } from '../core/errors.js'

/** What kafkajs throws: classes of its own, with the protocol's name of the error as `type`. */
type KafkaFault = Error & { type?: string; code?: string; cause?: unknown; errors?: unknown[]; retriable?: boolean }

/** The innermost cause: kafkajs wraps what happened in what it gave up. One of ours says already what to do about its own cause. */
function innermost(error: unknown): KafkaFault {
  let current = error as KafkaFault
  for (let depth = 0; depth < 8 && !(current instanceof WeirError); depth++) {
    const inner = current.errors?.[0] ?? current.cause
    if (!(inner instanceof Error)) break
    current = inner as KafkaFault
  }
  return current
}

/** The protocol's name of a fault (`TOPIC_AUTHORIZATION_FAILED`); empty if it is none of the protocol's. */
export function faultType(error: unknown): string {
  return innermost(error).type ?? (error as KafkaFault | undefined)?.type ?? ''
}

/** True if the group hands out its partitions anew, or has done so without us. */
export function isRebalance(error: unknown): boolean {
  return ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'].includes(
    faultType(error),
  )
}

const CERTIFICATE = /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|EPROTO)/

/** A fault of the client as an error that names the setting and what to do. `what` was being done. */
export function kafkaError(error: unknown, setting: string, brokers: readonly string[], what: string): WeirError {
  if (error instanceof WeirError) return error
  const fault = innermost(error)
  const options = { cause: error }
  const type = faultType(error)
  const where = brokers.join(', ')
  if (fault instanceof WeirError) return fault
  if (fault.name.startsWith('KafkaJSSASL') || type === 'SASL_AUTHENTICATION_FAILED' || type.includes('SASL')) {
    return new WeirError('unauthorized', `${setting}.sasl: ${where} did not let us in: ${fault.message}`, {
      ...options,
      hint: 'Check mechanism, username and password; the user must exist on the brokers with that mechanism.',
    })
  }
  if (type.endsWith('_AUTHORIZATION_FAILED')) {
    return new WeirError('forbidden', `${setting}: the user may not ${what}: ${fault.message}`, {
      ...options,
      hint: `Grant the user of ${setting}.sasl Read, Write and Describe on the topics, Read on the groups, and Create on the cluster if topics are missing.`,
    })
  }
  if (fault.name === 'KafkaJSGroupCoordinatorNotFound') {
    // kafkajs keeps the broker's own answer to itself.
    return new WeirError('forbidden', `${setting}: cannot ${what} at ${where}: ${fault.message}`, {
      ...options,
      retryable: true,
      hint: `Grant the user of ${setting}.sasl Read on the groups; or the cluster has no coordinator for them now.`,
    })
  }
  if (CERTIFICATE.test(fault.code ?? '') || /certificate|self.signed|wrong version number/i.test(fault.message)) {
    return new WeirError('unreachable', `${setting}.tls: no TLS connection to ${where}: ${fault.message}`, {
      ...options,
      hint: 'Check ca_file and server_name, and whether this port of the brokers speaks TLS.',
    })
  }
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new WeirError('unreachable', `${setting}: cannot ${what} at ${where}: ${fault.message}`, {
      ...options,
      retryable: true,
      hint: 'A topic that was just created is not known to every broker at once; one that was deleted is made at the next start.',
    })
  }
  if (type === 'INVALID_REPLICATION_FACTOR') {
    return new WeirError('config_invalid', `${setting}.replication_factor: ${fault.message}`, options)
  }
  if (/^KafkaJS(Connection|RequestTimeout|NumberOfRetries|Broker|Timeout|LockTimeout)/.test(fault.name) || fault.code) {
    return new WeirError('unreachable', `${setting}.brokers: cannot ${what} at ${where}: ${fault.message}`, {
      ...options,
      retryable: true,
      hint: `Check that Kafka runs there and can be reached, and whether it wants ${setting}.tls or ${setting}.sasl.`,
    })
  }
  return new WeirError('internal', `${setting}: cannot ${what} at ${where}: ${messageOf(fault)}`, {
    ...options,
    retryable: fault.retriable !== false,
  })
}
