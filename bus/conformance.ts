import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { WeirError } from '../core/errors.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Batch, Bus, Message } from './port.js'

function message(workload: string, n: number): Message {
  const value: OcsfEvent = {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: 1_700_000_000_000 + n,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'test' }, uid: `${workload}-${n}` },
  }
  return { key: workload, value, timestamp: Date.now() }
}

const uidsOf = (batches: Batch[]) => batches.flatMap((batch) => batch.messages.map((m) => m.value.metadata.uid))

async function until(condition: () => boolean, what: string) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`not within 20 s: ${what}`)
}

/** What every bus adapter must do. `create` gives a fresh, started bus; the suite stops it. `skip` says why it cannot. */
export function busConformance(name: string, create: () => Promise<Bus>, skip?: string) {
  const withBus = (what: string, body: (bus: Bus, group: string) => Promise<void>) =>
    test(`${name}: ${what}`, { skip: skip ?? false }, async () => {
      const bus = await create()
      try {
        await body(bus, `test-${randomUUID()}`)
      } finally {
        await bus.stop()
      }
    })

  withBus('every group sees every message once, in order per key', async (bus, group) => {
    const seen: Record<string, Batch[]> = { a: [], b: [] }
    const subscriptions = []
    for (const id of ['a', 'b']) {
      subscriptions.push(
        await bus.subscribe(`${group}-${id}`, ['weir.events'], async (batch) => void seen[id]?.push(batch)),
      )
    }
    const messages = Array.from({ length: 300 }, (_, n) => message(`vm/${n % 7}`, n))
    await bus.publish('weir.events', messages.slice(0, 100))
    await bus.publish('weir.events', messages.slice(100))
    for (const id of ['a', 'b']) {
      await until(() => uidsOf(seen[id] ?? []).length >= 300, `group ${id} sees 300 messages`)
      assert.deepEqual([...uidsOf(seen[id] ?? [])].sort(), messages.map((m) => m.value.metadata.uid).sort())
      for (let key = 0; key < 7; key++) {
        const times = (seen[id] ?? [])
          .flatMap((b) => b.messages.filter((m) => m.key === `vm/${key}`))
          .map((m) => m.value.time)
        assert.deepEqual(times, [...times].sort())
      }
    }
    for (const subscription of subscriptions) await subscription.stop()
  })

  withBus('a retryable failure delivers the same messages again and loses none', async (bus, group) => {
    const seen: Batch[] = []
    let failures = 2
    const subscription = await bus.subscribe(group, ['weir.events'], async (batch) => {
      if (failures-- > 0) throw new WeirError('lake_failed', 'not now', { retryable: true })
      seen.push(batch)
    })
    await bus.publish('weir.events', [message('vm/1', 1), message('vm/1', 2)])
    await until(() => uidsOf(seen).length >= 2, 'the messages arrive')
    assert.deepEqual(uidsOf(seen), ['vm/1-1', 'vm/1-2'])
    await subscription.stop()
  })

  withBus('a group sees only its topics', async (bus, group) => {
    const seen: Batch[] = []
    const subscription = await bus.subscribe(group, ['weir.findings'], async (batch) => void seen.push(batch))
    await bus.publish('weir.events', [message('vm/1', 1)])
    await bus.publish('weir.findings', [message('vm/1', 2)])
    await until(() => seen.length > 0, 'the finding arrives')
    assert.deepEqual(uidsOf(seen), ['vm/1-2'])
    await subscription.stop()
  })

  withBus('a group has caught up when its handlers have resolved, and nothing lags behind then', async (bus, group) => {
    let handled = 0
    const subscription = await bus.subscribe(group, ['weir.events'], async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      handled += batch.messages.length
    })
    await bus.publish(
      'weir.events',
      Array.from({ length: 50 }, (_, n) => message(`vm/${n}`, n)),
    )
    await bus.caughtUp(group, ['weir.events'], { timeout_ms: 20_000 })
    assert.equal(handled, 50)
    assert.deepEqual([...(await bus.lag(group, ['weir.events']))], [['weir.events', 0]])
    assert.deepEqual(bus.health().ok, true)
    await subscription.stop()
  })

  withBus('a key has one partition', async (bus) => {
    const partition = bus.partitionOf('weir.events', 'vm/1')
    assert.ok(Number.isInteger(partition) && partition >= 0)
    assert.equal(bus.partitionOf('weir.events', 'vm/1'), partition)
  })

  withBus('after stop, publish rejects with a retryable error', async (bus) => {
    await bus.stop()
    await assert.rejects(
      bus.publish('weir.events', [message('vm/1', 1)]),
      (error) => error instanceof WeirError && error.retryable,
    )
  })

  withBus('pressure is between 0 and 1, and stop may be called twice', async (bus) => {
    assert.ok(bus.pressure() >= 0 && bus.pressure() <= 1)
    await bus.stop()
    await bus.stop()
  })
}
