import { ClickHouseError } from '@clickhouse/client'
import { messageOf, WeirError } from '../core/errors.js'

/** Where the server is and who asks: what a message about it names. */
export type ServerAddress = { readonly url: string; readonly user: string; readonly database: string }

/** ClickHouse's codes of a wrong user or password. */
const stranger_codes = new Set(['192', '193', '194', '516'])
/** ClickHouse's codes of a user, or a table, that takes no writes. */
const readonly_codes = new Set(['164', '242', '497'])

const certificate_codes =
  /^(ERR_TLS|ERR_SSL|CERT_|EPROTO$|DEPTH_ZERO_SELF|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|HOSTNAME_MISMATCH)/

/** What went wrong between us and the server, naming the setting that it depends on. */
export function serverFault(error: unknown, address: ServerAddress): WeirError {
  if (error instanceof WeirError) return error
  const at = withoutSecrets(address.url)
  if (error instanceof ClickHouseError) return refusal(error, address, at)
  const code = codeOf(error)
  const said = messageOf(error) || code
  const options = { retryable: true, cause: error }
  if (code === 'TimeoutError' || code === 'AbortError') {
    return new WeirError('timeout', `lake.url: ${at} did not answer in time`, {
      ...options,
      hint: 'Check that the address is that of ClickHouse and that no firewall drops the packets; see lake.request_timeout_ms.',
    })
  }
  if (certificate_codes.test(code)) {
    return new WeirError('unreachable', `lake.tls: no trusted connection to ${at}: ${said}`, {
      ...options,
      hint: 'Set lake.tls.ca_file to the certificate authority of the server, and check that lake.url is https and has the name in its certificate.',
    })
  }
  return new WeirError('unreachable', `lake.url: ${at} does not answer as ClickHouse: ${said.slice(0, 500)}`, {
    ...options,
    hint: "Check lake.url (ClickHouse's HTTP interface, port 8123 or 8443), and that the server runs.",
  })
}

function refusal(error: ClickHouseError, { user, database }: ServerAddress, at: string): WeirError {
  const said = error.message.slice(0, 500)
  if (stranger_codes.has(error.code)) {
    return new WeirError('unauthorized', `lake.password: ClickHouse at ${at} does not let user "${user}" in`, {
      hint: 'Check lake.user and lake.password (write ${NAME} to take it from the environment).',
      cause: error,
    })
  }
  if (readonly_codes.has(error.code)) {
    return new WeirError('forbidden', `lake.user: ClickHouse at ${at} takes no writes of "${user}": ${said}`, {
      hint: `Give the user INSERT and SELECT on ${database}.* without a readonly profile (see weir migrate --print), or wait until the tables are writable again.`,
      retryable: true,
      cause: error,
    })
  }
  if (error.code === '81') {
    return new WeirError('not_found', `lake.database: ClickHouse at ${at} has no database ${database}`, {
      hint: 'Run weir migrate, or set lake.database.',
      cause: error,
    })
  }
  return new WeirError('lake_failed', `ClickHouse at ${at}: ${said}`, { cause: error })
}

/** The first code in an error and its causes. */
function codeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && code !== '') return code
    if (at.name === 'TimeoutError' || at.name === 'AbortError') return at.name
  }
  return ''
}

/** An address as it may be printed. */
export function withoutSecrets(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href.replace(/\/$/, '')
}
