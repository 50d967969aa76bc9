import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../../core/errors.js'
import type { Json } from '../../ocsf/event.js'
import type { Turn } from './port.js'
import type { RedisConnection } from './redis-connection.js'

/** What the last holder left only has to bridge the time until everybody has heard of it from the bus. */
const REMEMBER_MS = 3_600_000
const ASK_AGAIN_MS = 50

/**
 * The epoch says since when this Redis remembers. A young one may have forgotten who holds a key: holders get the time to
 * say so again before anybody else is let in.
 */
const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function young(epoch, ms) return tonumber(string.match(epoch, ' (%d+)$')) + ms - now end`

const ACQUIRE = `${CLOCK}
local epoch = redis.call('GET', KEYS[3])
if not epoch then
  epoch = ARGV[1] .. ' ' .. string.format('%.0f', now)
  redis.call('SET', KEYS[3], epoch)
end
local wait = young(epoch, ARGV[2])
if wait > 0 then return {0, wait} end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {1, redis.call('GET', KEYS[2]), epoch} end
return {0, redis.call('PTTL', KEYS[1])}`

/** A key that ran out may have been held by another since; one that was lost together with the epoch has not. */
const RENEW = `${CLOCK}
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder then
  local epoch = redis.call('GET', KEYS[2])
  if epoch and (epoch == ARGV[3] or young(epoch, ARGV[2]) <= 0) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

const LEAVE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1`

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

/** One holder of a key at a time, among all processes; one that dies loses it after `hold_ms`. */
export function createTurns({ redis, answer }: RedisConnection, prefix: string, hold_ms: number) {
  const lost = () => new WeirError('conflict', 'another responder has taken this response over', { retryable: true })

  async function acquire(keys: string[], token: string): Promise<{ left: string | null; epoch: string }> {
    for (;;) {
      const reply = await answer(redis.eval(ACQUIRE, 3, ...keys, token, hold_ms))
      const [held, value, epoch] = reply as [number, string | null, string]
      if (held === 1) return { left: value, epoch }
      await sleep(Math.min(ASK_AGAIN_MS, Math.max(1, Number(value))))
    }
  }

  return async function inTurn<T>(key: string, work: (turn: Turn) => Promise<T>): Promise<T> {
    const token = randomUUID()
    const [held, last, since] = [`${prefix}:turn:${key}`, `${prefix}:last:${key}`, epochKey(prefix)]
    const { left, epoch } = await acquire([held, last, since], token)
    const renew = () => redis.eval(RENEW, 2, held, since, token, hold_ms, epoch)
    // A renewal that fails is made up for by the next one, and by `still`.
    const timer = setInterval(() => void renew().catch(() => {}), hold_ms / 4)
    const checked = async (work: Promise<unknown>) => {
      if ((await answer(work)) !== 1) throw lost()
    }
    try {
      return await work({
        last: left === null ? undefined : (JSON.parse(left) as Json),
        still: () => checked(renew()),
        leave: (state) => checked(redis.eval(LEAVE, 2, held, last, token, JSON.stringify(state), REMEMBER_MS)),
      })
    } finally {
      clearInterval(timer)
      await answer(redis.eval(RELEASE, 1, held, token)).catch(() => {})
    }
  }
}

/** Key of the text that changes when Redis has lost its data. */
export function epochKey(prefix: string): string {
  return `${prefix}:epoch`
}
