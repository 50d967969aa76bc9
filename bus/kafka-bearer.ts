import { readFile } from 'node:fs/promises'
import type { Mechanism } from 'kafkajs'
import { messageOf, WeirError } from '../core/errors.js'
import type { KafkaConnection } from './kafka-config.js'

type Bearer = Extract<NonNullable<KafkaConnection['sasl']>, { mechanism: 'oauthbearer' }>

const TOKEN_WITHIN_MS = 4_000

/**
 * Signs in with a token (SASL OAUTHBEARER, RFC 7628), asked for anew for every connection. kafkajs has this mechanism, too, but
 * does not read the answer: a token that was refused would look like a broker that hangs up.
 */
export function bearerMechanism(sasl: Bearer, setting: string): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ host, port, saslAuthenticate }) => ({
      async authenticate() {
        const token = await tokenOf(sasl, `${setting}.sasl`).catch(hangUp)
        const first = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)
        const length = Buffer.alloc(4)
        length.writeInt32BE(first.length)
        const refusal = await saslAuthenticate({
          request: { encode: () => Buffer.concat([length, first]) },
          // Its length, and nothing when the broker agrees, else JSON that says why not.
          response: { decode: (bytes) => bytes, parse: (bytes) => bytes.subarray(4).toString('utf8') },
        })
        if (refusal) hangUp(refused(`${host}:${port} did not let us in: ${refusal}`, sasl, setting))
      },
    }),
  }
}

/** The broker waits for a token now, on this connection for nothing else; kafkajs closes it for a fault of this type only. */
function hangUp(error: WeirError): never {
  throw Object.assign(error, { type: 'ILLEGAL_SASL_STATE', retriable: error.retryable })
}

function refused(what: string, sasl: Bearer, setting: string): WeirError {
  const from = sasl.token_file === undefined ? 'token_url' : 'token_file'
  return new WeirError('unauthorized', `${setting}.sasl.${from}: ${what}`, {
    hint: 'Check that the token is for these brokers and has not expired, and that they take OAUTHBEARER.',
  })
}

async function tokenOf(sasl: Bearer, setting: string): Promise<string> {
  if (sasl.token_file === undefined) return askForToken(sasl, setting)
  try {
    return (await readFile(sasl.token_file, 'utf8')).trim()
  } catch (cause) {
    throw new WeirError('setting_missing', `${setting}.token_file: cannot read the token: ${messageOf(cause)}`, {
      hint: 'Let a file with a token be there; it is read again for every connection.',
      cause,
    })
  }
}

async function askForToken({ token_url = '', ...credentials }: Bearer, setting: string): Promise<string> {
  const { client_id, client_secret, scope } = credentials
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  for (const [name, value] of Object.entries({ client_id, client_secret, scope })) if (value) body.set(name, value)
  const { origin, pathname } = new URL(token_url)
  const at = `${setting}.token_url: ${origin}${pathname}`
  let response: Response
  try {
    response = await fetch(token_url, { method: 'POST', body, signal: AbortSignal.timeout(TOKEN_WITHIN_MS) })
  } catch (cause) {
    const { cause: why } = cause as Error
    throw new WeirError('unreachable', `${at} does not answer: ${messageOf(why ?? cause)}`, {
      retryable: true,
      hint: 'Check that the token endpoint runs there and can be reached.',
      cause,
    })
  }
  const answer = (await response.json().catch(() => ({}))) as { access_token?: unknown; error?: unknown }
  if (typeof answer.access_token === 'string') return answer.access_token
  const said = typeof answer.error === 'string' ? ` (${answer.error.slice(0, 100)})` : ''
  throw new WeirError('unauthorized', `${at} answered ${response.status} without a token${said}`, {
    hint: `Check ${setting}.client_id, client_secret and scope.`,
  })
}
