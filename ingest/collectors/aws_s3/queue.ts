import type { Message } from '@aws-sdk/client-sqs'
import { messageOf } from '../../../core/errors.js'
import type { CollectorDeps } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import type { AwsClient } from './client.js'
import type { AwsS3Config } from './config.js'
import { objectsOf } from './notification.js'
import type { ObjectReader } from './reader.js'

const LONG_POLL_S = 20

/** Reads what one queue tells: one look after the other, beginning with what `first` found. */
export function queueReader(
  aws: AwsClient,
  queue_url: string,
  config: AwsS3Config,
  deps: CollectorDeps,
  signal: AbortSignal,
  read: ObjectReader,
) {
  let waiting: Message[] | undefined

  /** A message is deleted when what it names is durable; one that fails is delivered again by the queue. */
  async function handle({ Body, MessageId, ReceiptHandle }: Message) {
    const objects = objectsOf(Body)
    if (objects === undefined) {
      const fault = { reason: 'not_a_notification', detail: 'expected a notification of S3, SNS or EventBridge' }
      await emitUntilTaken(deps, config.format, [{ data: Body ?? '', position: `sqs:${MessageId}`, fault }], signal)
    }
    for (const object of objects ?? []) {
      if (object.key.startsWith(config.prefix) && !object.key.endsWith('/')) await read(object)
    }
    await aws.remove(queue_url, ReceiptHandle)
  }

  /** Keeps messages from being delivered to others while they are worked on; `done` ends it for one of them. */
  function keepReserved(messages: readonly Message[]) {
    const left = new Set(messages)
    const extend = () => {
      const receipts = [...left].map(({ ReceiptHandle }) => ReceiptHandle)
      // A failure costs a second delivery at most, and what is delivered twice is stored once.
      aws.extend(queue_url, receipts, config.reserve_s).catch((error: unknown) => {
        if (signal.aborted) return
        deps.log.warn({ instance: deps.instance, error: messageOf(error) }, 'messages not reserved for longer')
      })
    }
    const timer = setInterval(extend, (config.reserve_s * 1_000) / 2)
    return { done: (message: Message) => left.delete(message), end: () => clearInterval(timer) }
  }

  return {
    /** The first look tells a wrong setting at once; what it finds is read by the next one. */
    async first() {
      waiting = await aws.receive(queue_url, 0, config.reserve_s)
    },
    /** Resolves when what was told is read. A message that fails does not keep the others; its fault is thrown at the end. */
    async look(onAnswer: () => void) {
      const messages = waiting ?? (await aws.receive(queue_url, LONG_POLL_S, config.reserve_s))
      waiting = undefined
      onAnswer()
      const reserved = keepReserved(messages)
      let failure: { error: unknown } | undefined
      try {
        for (const message of messages) {
          if (signal.aborted) return
          await handle(message).catch((error: unknown) => {
            failure ??= { error }
          })
          reserved.done(message)
        }
      } finally {
        reserved.end()
      }
      if (failure) throw failure.error
    },
  }
}
