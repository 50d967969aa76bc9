import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHealthBoard } from './health.js'
import { createHealthServer } from './health-server.js'
import { createMetrics } from './metrics.js'

async function served(run: (url: string, board: ReturnType<typeof createHealthBoard>) => Promise<void>) {
  const metrics = createMetrics()
  const board = createHealthBoard({ metrics, every_ms: 10, within_ms: 50 })
  const server = createHealthServer({ host: '127.0.0.1', port: 0, board, metrics, about: () => ({ pid: 7 }) })
  await server.start()
  try {
    await run(server.url() ?? '', board)
  } finally {
    await board.stop()
    await server.stop()
  }
}

test('/ready names what does not work, since when, and recovers; /health does not care', async () => {
  await served(async (url, board) => {
    let works = true
    board.watch('lake', () => ({ ok: true, message: 'fine' }))
    board.watch('bus', () => {
      if (!works) throw new Error('the broker is gone')
      return { ok: true, message: 'connected' }
    })
    assert.equal((await fetch(`${url}/ready`)).status, 503, 'nothing was asked yet')
    await board.start()
    assert.equal((await fetch(`${url}/ready`)).status, 200)

    works = false
    await board.refresh()
    const response = await fetch(`${url}/ready`)
    assert.equal(response.status, 503)
    const { ready, dependencies } = (await response.json()) as any
    assert.equal(ready, false)
    assert.deepEqual(
      dependencies.map(({ name, ok, message }: any) => [name, ok, message]),
      [
        ['lake', true, 'fine'],
        ['bus', false, 'the broker is gone'],
      ],
    )
    assert.ok(Date.now() - Date.parse(dependencies[1].since) < 5_000)
    assert.match(await (await fetch(`${url}/metrics`)).text(), /weir_dependency_up\{dependency="bus"\} 0/)
    assert.equal(((await (await fetch(`${url}/health`)).json()) as any).pid, 7)

    works = true
    board.watch('collector', () => ({ ok: false, message: 'its source is away' }), { is_required: false })
    await board.refresh()
    const shown = await fetch(`${url}/ready`)
    assert.equal(shown.status, 200)
    assert.match(await shown.text(), /its source is away/)
  })
})

test('a probe that never answers is a failure, not a wait', async () => {
  await served(async (url, board) => {
    board.watch('lake', () => new Promise(() => {}))
    await board.start()
    const response = await fetch(`${url}/ready`)
    assert.equal(response.status, 503)
    assert.match(await response.text(), /no answer within 50 ms/)
  })
})

test('what is not there is 404, what would change something 405', async () => {
  await served(async (url) => {
    assert.equal((await fetch(`${url}/secrets`)).status, 404)
    assert.equal((await fetch(`${url}/ready`, { method: 'POST' })).status, 405)
    assert.equal((await fetch(`${url}/health`, { method: 'HEAD' })).status, 200)
  })
})

test('a port that was chosen and is taken ends the start; the default one gives way', async () => {
  await served(async (url, board) => {
    const port = Number(new URL(url).port)
    const another = createHealthServer({ host: '127.0.0.1', port, board, metrics: createMetrics(), about: () => ({}) })
    await assert.rejects(another.start(), /http\.port|cannot listen/)
    await another.stop()
  })
})
