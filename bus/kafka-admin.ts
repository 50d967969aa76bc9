import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import { WeirError } from '../core/errors.js'
import type { KafkaConfig } from './kafka-config.js'
import { faultType } from './kafka-errors.js'
import type { Position, Topic } from './port.js'

const CAUGHT_UP_POLL_MS = 50
/** How exactly a time of receipt is found. */
const RECEIVED_WITHIN_MS = 250

/** Topics and offsets, as the cluster knows them. */
export type KafkaAdmin = {
  connect(): Promise<void>
  /** Creates those that are missing. */
  createTopics(): Promise<void>
  /** Partitions of a topic. */
  partitions(topic: Topic): number
  /** The end of every partition: where the next message goes. */
  ends(topics: readonly Topic[]): Promise<Position[]>
  positions(group: string, topics: readonly Topic[]): Promise<Position[]>
  receivedFrom(positions: readonly Position[]): Promise<number>
  caughtUp(
    group: string,
    topics: readonly Topic[],
    options: { timeout_ms: number; up_to?: readonly Position[] },
  ): Promise<void>
  lag(group: string, topics: readonly Topic[]): Promise<Map<Topic, number>>
  disconnect(): Promise<void>
}

/** `name` gives topics and groups their prefix. */
export function createKafkaAdmin(
  kafka: Kafka,
  config: KafkaConfig,
  topics: readonly Topic[],
  name: (plain: string) => string,
): KafkaAdmin {
  const admin: Admin = kafka.admin({ retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 1_000 } })
  const counts = new Map<Topic, number>()

  /** Where every partition begins and ends: what is before its beginning, retention has deleted. */
  async function spans(of: readonly Topic[]) {
    const found = await Promise.all(
      of.map(async (topic) => {
        const partitions = await admin.fetchTopicOffsets(name(topic))
        return partitions.map(({ partition, low, high }) => ({
          topic,
          partition,
          low: BigInt(low),
          offset: BigInt(high),
        }))
      }),
    )
    return found.flat()
  }

  async function ends(of: readonly Topic[]): Promise<Position[]> {
    return (await spans(of)).map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  /** Ends, and how far a group is: behind what it committed, and never before the first message there is. */
  async function progress(group: string, of: readonly Topic[]) {
    const [committed, found] = await Promise.all([positions(group, of).then(indexOf), spans(of)])
    return found.map(({ topic, partition, low, offset }) => {
      const reached = committed.get(keyOf({ topic, partition })) ?? 0n
      return { topic, partition, offset, reached: reached > low ? reached : low }
    })
  }

  async function positions(group: string, of: readonly Topic[]): Promise<Position[]> {
    const plain = new Map(of.map((topic) => [name(topic), topic]))
    const found = await admin.fetchOffsets({ groupId: name(group), topics: [...plain.keys()] })
    return found.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ offset }) => BigInt(offset) >= 0n)
        .map(({ partition, offset }) => ({ topic: plain.get(topic) as Topic, partition, offset: BigInt(offset) })),
    )
  }

  /** True if everything at and behind these positions was received at the time or later. */
  async function cameSince(positions: readonly Position[], time: number): Promise<boolean> {
    const reached = indexOf(positions)
    for (const topic of new Set(positions.map((position) => position.topic))) {
      for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(name(topic), time)) {
        const position = reached.get(keyOf({ topic, partition }))
        if (position !== undefined && BigInt(offset) > position) return false
      }
    }
    return true
  }

  /** Kafka finds offsets by time, not times by offset: the answer is searched for between a week ago and now. */
  async function receivedFrom(positions: readonly Position[]): Promise<number> {
    const now = Date.now()
    if (await cameSince(positions, now)) return now
    let [early, late] = [now - config.retention_ms, now]
    while (late - early > RECEIVED_WITHIN_MS) {
      const middle = Math.floor((early + late) / 2)
      if (await cameSince(positions, middle)) early = middle
      else late = middle
    }
    return early
  }

  return {
    ends,
    positions,
    receivedFrom,
    connect: () => admin.connect(),
    disconnect: () => admin.disconnect(),
    partitions(topic) {
      const count = counts.get(topic)
      if (count === undefined) throw new WeirError('internal', `the partitions of ${topic} are not known before start`)
      return count
    },
    async createTopics() {
      const existing = new Set(await admin.listTopics())
      for (const topic of topics) {
        if (existing.has(name(topic))) continue
        // False if another process was faster.
        await admin.createTopics({
          waitForLeaders: true,
          topics: [
            {
              topic: name(topic),
              numPartitions: config.partitions,
              replicationFactor: config.replication_factor,
              configEntries: [
                { name: 'retention.ms', value: String(config.retention_ms) },
                { name: 'max.message.bytes', value: String(config.max_message_bytes) },
              ],
            },
          ],
        })
      }
      const metadata = await topicMetadata(admin, topics.map(name), config.start_timeout_ms)
      for (const topic of topics) {
        const found = metadata.topics.find((one) => one.name === name(topic))
        counts.set(topic, found?.partitions.length ?? config.partitions)
      }
    },
    async caughtUp(group, of, { timeout_ms, up_to }) {
      const wanted = (up_to ?? (await ends(of))).filter(({ offset }) => offset > 0n)
      for (const deadline = Date.now() + timeout_ms; ; await sleep(CAUGHT_UP_POLL_MS)) {
        const reached = new Map((await progress(group, of)).map((one) => [keyOf(one), one.reached]))
        const behind = wanted.find((position) => (reached.get(keyOf(position)) ?? 0n) < position.offset)
        if (!behind) return
        if (Date.now() > deadline) {
          throw new WeirError(
            'timeout',
            `group "${group}" has not handled ${behind.topic}:${behind.partition} up to ${behind.offset} within ${timeout_ms} ms`,
            { retryable: true },
          )
        }
      }
    },
    async lag(group, of) {
      const lag = new Map(of.map((topic) => [topic, 0]))
      for (const { topic, offset, reached } of await progress(group, of)) {
        lag.set(topic, (lag.get(topic) ?? 0) + Math.max(0, Number(offset - reached)))
      }
      return lag
    },
  }
}

const keyOf = ({ topic, partition }: Pick<Position, 'topic' | 'partition'>) => `${topic}:${partition}`

function indexOf(positions: readonly Position[]): Map<string, bigint> {
  return new Map(positions.map((position) => [keyOf(position), position.offset]))
}

/** What the brokers know of these topics. One that was just created is not known to every broker at once. */
async function topicMetadata(admin: Admin, topics: string[], within_ms: number) {
  for (const deadline = Date.now() + within_ms; ; await sleep(CAUGHT_UP_POLL_MS)) {
    try {
      return await admin.fetchTopicMetadata({ topics })
    } catch (error) {
      if (faultType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION' || Date.now() > deadline) throw error
    }
  }
}
