export type KafkaOptions = {
  /** Clients must sign in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 as one of KAFKA_USERS, or OAUTHBEARER with a token that nobody has signed. */
  sasl?: boolean
  /** `admin` may do everything, everybody else what an ACL allows. Needs `sasl`. */
  authorizer?: boolean
  /** Clients must use TLS. PEM: the broker's key and certificates in one file, and who may sign clients. */
  tls?: { readonly keystore_file: string; readonly ca_file: string }
}

/** Users of a broker with `sasl`, and their passwords. */
export const KAFKA_USERS = { admin: 'admin-secret', weir: 'weir-secret' } as const

type Layout = KafkaOptions & { folder: string; client: number; controller: number; internal: number }

/** The server.properties of one node, with everything replicated once. */
export function serverProperties(layout: Layout): string {
  const { folder, client, controller, internal, sasl, authorizer, tls } = layout
  const protocol = `${sasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`
  const lines: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `CLIENT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller},INTERNAL://127.0.0.1:${internal}`,
    'listener.security.protocol.map': `CLIENT:${protocol},CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': `${folder}/data`,
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Tests wait for no one.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
  }
  if (sasl) {
    const users = Object.entries(KAFKA_USERS)
    const accounts = users.map(([name, password]) => `user_${name}="${password}"`).join(' ')
    const module = (name: string) => `org.apache.kafka.common.security.${name} required`
    lines['sasl.enabled.mechanisms'] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'
    lines['listener.name.client.plain.sasl.jaas.config'] = `${module('plain.PlainLoginModule')} ${accounts};`
    // Without a callback handler of one's own, tokens are not signed (alg: none). The broker wants a claim for itself.
    lines['listener.name.client.oauthbearer.sasl.jaas.config'] =
      `${module('oauthbearer.OAuthBearerLoginModule')} unsecuredLoginStringClaim_sub="broker";`
    for (const mechanism of ['scram-sha-256', 'scram-sha-512']) {
      lines[`listener.name.client.${mechanism}.sasl.jaas.config`] = `${module('scram.ScramLoginModule')};`
    }
  }
  if (authorizer) {
    lines['authorizer.class.name'] = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
    // Who comes through the internal listeners, and who through the client one as admin.
    lines['super.users'] = 'User:ANONYMOUS;User:admin'
  }
  if (tls) {
    lines['listener.name.client.ssl.keystore.type'] = 'PEM'
    lines['listener.name.client.ssl.keystore.location'] = tls.keystore_file
    lines['listener.name.client.ssl.truststore.type'] = 'PEM'
    lines['listener.name.client.ssl.truststore.location'] = tls.ca_file
    lines['listener.name.client.ssl.client.auth'] = 'requested'
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Its log goes to stdout. */
export const log4j = `rootLogger.level=INFO
appender.stdout.type=Console
appender.stdout.name=STDOUT
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%p %m (%c)%n
rootLogger.appenderRef.stdout.ref=STDOUT
`
