import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SpanReceiver, startSpanReceiver } from '../test/span-receiver.js'
import { createLog } from './log.js'
import { createMetrics, type Metrics } from './metrics.js'
import { createOtlpTraces } from './otlp-traces.js'
import { createTracer, type Tracer } from './tracing.js'

function tracerOf(url: string, process: string, metrics: Metrics, sample_ratio = 1): Tracer {
  const resource = { 'service.name': 'weir', 'service.instance.id': process }
  const exporter = createOtlpTraces({ url, headers: {}, resource, log: createLog('silent'), metrics })
  return createTracer(exporter, sample_ratio)
}

async function received(run: (receiver: SpanReceiver, metrics: Metrics) => Promise<void>) {
  const receiver = await startSpanReceiver()
  try {
    await run(receiver, createMetrics())
  } finally {
    await receiver.close()
  }
}

test('a trace goes on in another process; several causes are links; strangers cannot break it', async () => {
  await received(async (receiver, metrics) => {
    const [one, two] = [tracerOf(receiver.url, 'one', metrics), tracerOf(receiver.url, 'two', metrics)]
    const begin = (name: string) =>
      one.run(name, {}, async () => {
        await sleep(5)
        return one.run(
          `${name} inside`,
          { attributes: { n: 3, share: 0.5, ok: true } },
          async () => one.current() ?? '',
        )
      })
    const [a, b] = await Promise.all([begin('a'), begin('b')])
    await two.run('goes on', { causes: [a, a, 'not a context', '00-0-0-01'] }, async () => {})
    await two.run('collects', { causes: [a, b] }, async () => {})
    await two.run('undoes', { causes: [], links: [a] }, async () => {})
    const failing = two.run('fails', {}, async () => {
      throw new Error('it is gone')
    })
    await assert.rejects(failing, /it is gone/)
    await Promise.all([one.stop(), two.stop()])

    const named = (name: string) => {
      const [span, ...others] = receiver.spans.filter((each) => each.name === name)
      assert.ok(span && others.length === 0, name)
      return span
    }
    const inside = named('a inside')
    assert.equal(inside.parent_id, named('a').span_id)
    assert.deepEqual(inside.attributes, { n: '3', share: 0.5, ok: true })
    assert.notEqual(named('a').trace_id, named('b').trace_id)
    assert.ok(named('a').took_ms >= 4 && named('a').took_ms < 5_000, `${named('a').took_ms} ms`)

    const { trace_id, parent_id, process } = named('goes on')
    assert.deepEqual(
      { trace_id, parent_id, process },
      { trace_id: inside.trace_id, parent_id: inside.span_id, process: 'two' },
    )
    assert.equal(named('collects').parent_id, undefined)
    assert.deepEqual(named('collects').links, [inside.span_id, named('b inside').span_id])
    assert.deepEqual(named('undoes').links, [inside.span_id])
    assert.notEqual(named('undoes').trace_id, inside.trace_id)
    assert.equal(named('fails').error, 'it is gone')
    assert.equal(metrics.total('spans'), receiver.spans.length)
  })
})

test('a trace that is not recorded is recorded nowhere', async () => {
  await received(async (receiver, metrics) => {
    const [none, all] = [tracerOf(receiver.url, 'none', metrics, 0), tracerOf(receiver.url, 'all', metrics)]
    const context = await none.run('a', {}, () => none.run('b', {}, async () => none.current()))
    await all.run('c', { causes: [context ?? ''] }, () => all.run('d', {}, async () => {}))
    await all.run('e', {}, async () => {})
    await Promise.all([none.stop(), all.stop()])
    assert.deepEqual(
      receiver.spans.map(({ name }) => name),
      ['e'],
    )
  })
})

test('a receiver that is away holds nobody up: spans are sent again, or dropped and counted', async () => {
  await received(async (receiver, metrics) => {
    const tracer = tracerOf(receiver.url, 'one', metrics)
    const work = async (n: number) => {
      for (let done = 0; done < n; done++) await tracer.run('work', {}, async () => {})
    }
    receiver.answer(503)
    const started = performance.now()
    await work(600)
    assert.ok(performance.now() - started < 1_000)
    while (receiver.requests() < 1) await sleep(5)
    receiver.answer(200)
    while (receiver.spans.length < 512) await sleep(5)
    await work(10_000)
    const full = metrics.by('spans_dropped', 'reason').queue_full ?? 0
    assert.ok(full > 0, 'more than may wait')

    await tracer.stop()
    const { queue_full, ...others } = metrics.by('spans_dropped', 'reason')
    assert.deepEqual(others, {})
    assert.equal(receiver.spans.length + (queue_full ?? 0), 10_600)

    receiver.answer(401)
    const refused = tracerOf(receiver.url, 'two', metrics)
    await refused.run('work', {}, async () => {})
    await refused.stop()
    assert.equal(metrics.by('spans_dropped', 'reason').refused, 1)
  })
})

test('stop ends soon although nobody answers', async () => {
  const metrics = createMetrics()
  const tracer = tracerOf('http://127.0.0.1:1', 'one', metrics)
  await tracer.run('work', {}, async () => {})
  const started = performance.now()
  await tracer.stop()
  assert.ok(performance.now() - started < 3_000)
  assert.equal(metrics.total('spans_dropped'), 1)
})
