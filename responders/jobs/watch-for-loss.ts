import { randomUUID } from 'node:crypto'
import { messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { RedisConnection } from './redis-connection.js'
import { epochKey } from './turns.js'

const LOOK_EVERY_MS = 2_000

/** Makes an epoch if there is none, and tells which server and which epoch this is. */
const LOOK = `
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  local time = redis.call('TIME')
  epoch = ARGV[1] .. ' ' .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('SET', KEYS[1], epoch)
end
return epoch`

/**
 * Calls `lost` when Redis may have forgotten jobs: its epoch is another one (data lost, flushed, another server), or it
 * was started again (the last second of an append-only file may be missing). Returns what ends the watch.
 */
export async function watchForLoss(
  { redis, answer }: RedisConnection,
  prefix: string,
  lost: () => Promise<void>,
  log: Log,
): Promise<() => void> {
  async function look(): Promise<string> {
    const epoch = await answer(redis.eval(LOOK, 1, epochKey(prefix), randomUUID()))
    const info = await answer(redis.info('server'))
    return `${String(epoch)} ${info.match(/^run_id:(\w+)/m)?.[1] ?? ''}`
  }

  let known = await look()
  let looking = false
  async function compare() {
    if (looking) return
    looking = true
    try {
      const seen = await look()
      if (seen !== known) {
        log.warn({ prefix }, 'Redis was restarted or has lost its data: open responses are added again')
        await lost()
        known = seen
      }
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'Redis does not answer')
    } finally {
      looking = false
    }
  }
  const timer = setInterval(() => void compare(), LOOK_EVERY_MS)
  const onReady = () => void compare()
  redis.on('ready', onReady)
  return () => {
    clearInterval(timer)
    redis.off('ready', onReady)
  }
}
