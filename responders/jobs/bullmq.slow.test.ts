import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createLog } from '../../core/log.js'
import { noRedis, type Redis, startRedis } from '../../test/stack/redis.js'
import { createBullJobs } from './bullmq.js'
import { jobsConformance } from './conformance.js'
import { redisJobsSchema } from './redis-config.js'

const log = createLog('silent')
const skip = noRedis()

if (skip !== undefined) test('BullMQ jobs', { skip }, () => {})
else {
  let redis: Redis
  before(async () => {
    redis = await startRedis({ appendonly: true })
  })
  after(() => redis?.close())

  const create = (prefix = `weir-${randomUUID()}`, over: object = {}) =>
    createBullJobs({
      config: redisJobsSchema.parse({ url: redis.url, prefix, take_over_ms: 500, ...over }),
      actions: ['log', 'webhook'],
      log,
    })

  jobsConformance('BullMQ jobs', () => create())
}
