import { createSign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { WeirError } from '../../../core/errors.js'

const SCOPE = 'https://www.googleapis.com/auth/pubsub'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const LIFE_S = 3_600
/** A token is not used any more so long before it ends. */
const MARGIN_MS = 60_000
const ANSWER_WITHIN_MS = 15_000

const keySchema = z.looseObject({
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.url().default('https://oauth2.googleapis.com/token'),
})
const answerSchema = z.looseObject({ access_token: z.string().min(1), expires_in: z.number().positive() })

/** Access tokens of Google, each kept until shortly before it ends. */
export type Tokens = {
  /** Throws a WeirError when there is none: `config_invalid` for a key that is wrong, else retryable. */
  access(signal: AbortSignal): Promise<string>
  /** The token was refused: the next one is asked for anew. */
  forget(): void
}

/** Tokens for the account of a key file, or of this machine. */
export function googleTokens(source: { key_file?: string | undefined; metadata_url: string }): Tokens {
  let kept: { token: string; until_ms: number } | undefined
  return {
    forget() {
      kept = undefined
    },
    async access(signal) {
      if (kept && Date.now() < kept.until_ms) return kept.token
      const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)])
      const answer = source.key_file
        ? await byKey(source.key_file, within)
        : await ask(`${source.metadata_url}/computeMetadata/v1/instance/service-accounts/default/token`, {
            headers: { 'metadata-flavor': 'Google' },
            signal: within,
          })
      kept = { token: answer.access_token, until_ms: Date.now() + answer.expires_in * 1000 - MARGIN_MS }
      return kept.token
    },
  }
}

/** Exchanges a statement signed by the account's key for a token. */
async function byKey(key_file: string, signal: AbortSignal) {
  const { client_email, private_key, private_key_id, token_uri } = await readKey(key_file)
  const now_s = Math.floor(Date.now() / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(private_key_id ? { kid: private_key_id } : {}) }
  const claims = { iss: client_email, scope: SCOPE, aud: token_uri, iat: now_s, exp: now_s + LIFE_S }
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  let signature: string
  try {
    signature = createSign('RSA-SHA256').update(signed).sign(private_key, 'base64url')
  } catch (cause) {
    throw new WeirError('config_invalid', `private_key of ${key_file} cannot sign`, {
      hint: 'Make a new JSON key of the service account.',
      cause,
    })
  }
  const body = new URLSearchParams({ grant_type: GRANT, assertion: `${signed}.${signature}` })
  return await ask(token_uri, { method: 'POST', body, signal })
}

async function readKey(path: string) {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new WeirError('config_invalid', `key_file ${path} cannot be read`, {
      hint: 'Name the JSON key of a service account that this user may read.',
      cause,
    })
  })
  try {
    return keySchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new WeirError('config_invalid', `${path} is no JSON key of a service account`, {
      hint: 'It needs client_email and private_key, as Google Cloud writes them.',
      cause,
    })
  }
}

async function ask(url: string, request: RequestInit) {
  const response = await fetch(url, request)
  const text = await response.text()
  if (!response.ok) {
    const is_passing = response.status === 429 || response.status >= 500
    throw new WeirError(is_passing ? 'unreachable' : 'unauthorized', `${url} gave no token (${response.status})`, {
      retryable: is_passing,
      hint: `It said: ${text.slice(0, 200)}`,
    })
  }
  const parsed = answerSchema.safeParse(JSON.parse(text))
  if (parsed.success) return parsed.data
  throw new WeirError('unreachable', `${url} answered without a token`, { retryable: true })
}
