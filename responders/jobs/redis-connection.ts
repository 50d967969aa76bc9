import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Redis } from 'ioredis'
import { messageOf, WeirError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { RedisJobsConfig } from './redis-config.js'

/** A start that takes longer has failed. */
const CONNECT_WITHIN_MS = 5_000
/** While Redis is away, a command fails after this; whoever asked tries again. */
const ANSWER_WITHIN_MS = 5_000

/** So often a write is tried: only an answer to one says that Redis takes jobs. */
const TRY_EVERY_MS = 2_000

/** A connection that comes back by itself, and knows whether it is there. */
export type RedisConnection = {
  readonly redis: Redis
  readonly health: () => { readonly ok: boolean; readonly message: string }
  /** The answer, or a retryable `unreachable` while Redis is away. */
  answer<T>(work: Promise<T>): Promise<T>
  close(): void
}

/** Connects. Ends within 15 s with one error that names the setting if that cannot work. */
export async function connectRedis(config: RedisJobsConfig, log: Log): Promise<RedisConnection> {
  const redis = new Redis(config.url, {
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    ...(config.tls === undefined ? {} : { tls: tlsOptions(config.tls) }),
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(times * 100, 1_000),
    lazyConnect: true,
  })
  // BullMQ waits for jobs on copies of this connection, and cannot end them while Redis is away.
  const copies: Redis[] = []
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (override) => {
    const copy = duplicate(override)
    copies.push(copy)
    return copy
  }
  let problem: unknown
  redis.on('error', (error) => {
    problem = error
  })
  await firstContact(redis, config, () => problem)
  let since: number | undefined
  redis.on('close', () => {
    if (since !== undefined) return
    since = Date.now()
    log.warn({ url: addressOf(config) }, 'Redis is away: jobs wait')
  })
  redis.on('ready', () => {
    if (since !== undefined) log.warn({ away_ms: Date.now() - since }, 'Redis is back')
    since = undefined
  })
  const at = `Redis at ${addressOf(config)} (jobs.redis.url)`
  const away = () =>
    since === undefined
      ? `${at} does not answer within ${ANSWER_WITHIN_MS} ms`
      : `${at} is away: ${messageOf(problem ?? 'closed')}`
  const answer = <T>(work: Promise<T>) => within(work, ANSWER_WITHIN_MS, away)
  /** Why the last write had no effect, if it had none: one that hangs or is full keeps its connections. */
  let refused: string | undefined
  let is_trying = false
  async function tryWrite() {
    if (is_trying || since !== undefined) return
    is_trying = true
    try {
      await answer(redis.set(`${config.prefix}:probe`, Date.now(), 'PX', 60_000))
      refused = undefined
    } catch (error) {
      refused = since === undefined ? whyRefused(messageOf(error), at) : undefined
    }
    is_trying = false
  }
  const trying = setInterval(() => void tryWrite(), TRY_EVERY_MS)
  trying.unref()
  return {
    redis,
    health() {
      if (since !== undefined) return { ok: false, message: away() }
      return refused === undefined
        ? { ok: true, message: `Redis at ${addressOf(config)}.` }
        : { ok: false, message: refused }
    },
    answer,
    close() {
      clearInterval(trying)
      for (const one of [redis, ...copies]) one.disconnect()
    },
  }
}

async function firstContact(redis: Redis, config: RedisJobsConfig, problem: () => unknown) {
  try {
    redis.connect().catch(() => {})
    for (const end = Date.now() + CONNECT_WITHIN_MS; redis.status !== 'ready'; ) {
      const refused = refusal(problem(), config)
      if (refused) throw refused
      if (Date.now() > end) throw unreachable(problem(), config)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await redis.eval('return 1', 0)
  } catch (error) {
    redis.disconnect()
    throw error instanceof WeirError ? error : (refusal(error, config) ?? unreachable(error, config))
  }
}

function unreachable(cause: unknown, config: RedisJobsConfig): WeirError {
  return new WeirError('unreachable', `jobs.redis.url: no Redis answers at ${addressOf(config)}: ${messageOf(cause)}`, {
    hint: 'Start Redis or Valkey there, or set jobs.redis.url to where it is.',
    cause,
  })
}

/** What an operator has to change before it can work, however long one waits. */
function refusal(cause: unknown, config: RedisJobsConfig): WeirError | undefined {
  const text = messageOf(cause ?? '')
  const at = addressOf(config)
  if (/WRONGPASS|invalid password|NOAUTH|without any password/i.test(text)) {
    return new WeirError('unauthorized', `jobs.redis.password: Redis at ${at} refuses it: ${text}`, {
      hint: 'Set jobs.redis.password, and jobs.redis.username for an ACL user, to what Redis expects.',
      cause,
    })
  }
  if (/NOPERM/.test(text)) {
    return new WeirError('forbidden', `jobs.redis.username: its rights at ${at} are not enough: ${text}`, {
      hint: `Give the ACL user the keys ${config.prefix}:* and the rights +@all -@dangerous +info.`,
      cause,
    })
  }
  if (/certificate|self.signed|altnames|wrong version number|packet length|EPROTO/i.test(text)) {
    return new WeirError('unreachable', `jobs.redis.tls: no TLS connection with ${at}: ${text}`, {
      hint: 'Check rediss:// in jobs.redis.url, and jobs.redis.tls.ca_file.',
      cause,
    })
  }
  return undefined
}

function whyRefused(text: string, at: string): string {
  if (!/OOM|maxmemory/.test(text)) return text.includes(at) ? text : `${at} takes no jobs: ${text}`
  return `${at} is full and takes no jobs: ${text} Raise its maxmemory, or look what else is in it.`
}

/** Without user and password, which are nobody's business in a log. */
function addressOf({ url }: RedisJobsConfig): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

function tlsOptions(tls: NonNullable<RedisJobsConfig['tls']>): ConnectionOptions {
  const read = (field: 'ca_file' | 'cert_file' | 'key_file') => {
    const path = tls[field]
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new WeirError('config_invalid', `jobs.redis.tls.${field}: cannot read it: ${messageOf(cause)}`, { cause })
    }
  }
  const [ca, cert, key] = [read('ca_file'), read('cert_file'), read('key_file')]
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(tls.server_name === undefined ? {} : { servername: tls.server_name }),
  }
}

async function within<T>(work: Promise<T>, ms: number, away: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WeirError('unreachable', away(), { retryable: true })), ms)
  })
  // What comes after the limit is nobody's any more.
  work.catch(() => {})
  try {
    return await Promise.race([work, limit])
  } catch (cause) {
    if (cause instanceof WeirError) throw cause
    throw new WeirError('unreachable', `Redis: ${messageOf(cause)}`, { retryable: true, cause })
  } finally {
    clearTimeout(timer)
  }
}
