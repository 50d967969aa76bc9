import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DockerApi } from '../../../core/docker-api.js'
import { recordingDeps } from '../../recording-deps.js'
import { followEvents } from './event-stream.js'

const SECOND = 1_768_206_600

/** An engine whose connections give these events, one list each, and then end; the last one stays open. */
function playedEngine(connections: string[][]) {
  const asked: string[] = []
  let n = 0
  const api = {
    address: 'played',
    version: async () => ({ engine: '28' }),
    request: async () => ({ SystemTime: new Date(SECOND * 1_000).toISOString() }),
    async *events({ since, signal }: { since: string; signal: AbortSignal }) {
      asked.push(since)
      yield* connections[n++] ?? []
      if (n >= connections.length) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  }
  return { asked, api: api as unknown as DockerApi }
}

const started = (id: string, n: number) =>
  JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: id }, timeNano: 0 }).replace(
    '"timeNano":0',
    `"timeNano":${SECOND}00000000${n}`,
  )

test('a stream that breaks before the first event is read again from where it began, and the gap is told', {
  timeout: 20_000,
}, async () => {
  const { api, asked } = playedEngine([[], [started('a', 1)]])
  const recording = recordingDeps()
  const stopping = new AbortController()
  const hooks = { record: async (line: string) => line, connected: async () => {}, seen() {} }
  const following = followEvents(api, recording.deps, hooks, stopping.signal)
  await recording.until(() => recording.emitted.length === 1, 'the event')
  stopping.abort()
  await following
  assert.equal(asked[0], String(SECOND))
  assert.equal(Number(asked[1]), SECOND, 'what happened meanwhile is asked for')
  const gaps = recording.coverage.filter(({ status }) => status === 'degraded')
  assert.match(gaps[0]?.message ?? '', /^No event was seen since reading began .* may be missing/)
  assert.equal(gaps.length, 1)
})
