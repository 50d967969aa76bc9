import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { certificates, startKubernetesApi } from '../../test/kubernetes-rig.js'
import { type RecordingDeps, recordingDeps, temporaryFolder } from '../recording-deps.js'
import { kubernetes } from './kubernetes.js'

const file = certificates(temporaryFolder())
const LIMIT = { timeout: 60_000 }

function pod(n: number, extra: { image?: string; started?: string; ended?: string } = {}) {
  const id = `containerd://${String(n).padStart(4, '0')}${'a'.repeat(60)}`
  const running = extra.started === undefined ? {} : { running: { startedAt: extra.started } }
  const terminated =
    extra.ended === undefined
      ? {}
      : {
          terminated: {
            startedAt: extra.started,
            finishedAt: extra.ended,
            exitCode: 137,
            reason: 'OOMKilled',
            containerID: id,
          },
        }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${n}`, namespace: 'shop', uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` },
    spec: {
      containers: [{ name: 'api', image: extra.image ?? 'shop:1', env: [{ name: 'PASSWORD', value: 'hunter2' }] }],
    },
    status: {
      phase: 'Running',
      ...(extra.started === undefined
        ? {}
        : {
            containerStatuses: [
              { name: 'api', image: 'shop:1', containerID: id, state: extra.ended ? terminated : running },
            ],
          }),
    },
  }
}

async function rig(t: TestContext) {
  const api = await startKubernetesApi(file, '/api/v1/pods', 'Pod')
  t.after(() => api.close())
  const token_file = join(temporaryFolder(), 'token')
  writeFileSync(token_file, 'first\n')
  const state = temporaryFolder()
  async function start(settings: object = {}, recording: RecordingDeps = recordingDeps(state)) {
    const config = {
      server: api.url,
      ca_file: file('ca.pem'),
      token_file,
      resources: ['pods'],
      cluster: 'c1',
      retry_first_ms: 20,
      retry_max_ms: 200,
      ...settings,
    }
    const collector = kubernetes.create(kubernetes.config.parse(config), recording.deps)
    await collector.start()
    t.after(() => collector.stop())
    const told = () =>
      recording.emitted.filter(({ record }) => !record.fault).map(({ record }) => named(record.data as never))
    return {
      collector,
      recording,
      told,
      seen: (n: number) => recording.until(() => told().length >= n, `${n} records`),
    }
  }
  return { api, start, token_file, watching: (r: RecordingDeps) => r.until(() => api.watchers.size > 0, 'a watch') }
}

function named({ type, object }: { type: string; object: { metadata: { name: string } } }) {
  return `${type} ${object.metadata.name}`
}

test('a list in pages is inventory, then every change is told once; a heartbeat changes nothing', LIMIT, async (t) => {
  const { api, start, watching } = await rig(t)
  for (let n = 0; n < 25; n++) api.apply(pod(n))
  const { recording, told, seen } = await start({ page_size: 10 })
  await seen(25)
  await watching(recording)
  assert.equal(api.requests.filter(({ url }) => url.searchParams.has('continue')).length, 2)
  api.apply(pod(25))
  api.apply({
    ...pod(25),
    status: { phase: 'Running', conditions: [{ type: 'Ready', lastHeartbeatTime: 'x' }] },
  } as never)
  api.apply(pod(25, { image: 'shop:2' }))
  api.apply(pod(25, { image: 'shop:2', started: '2026-01-12T08:30:15Z' }))
  api.apply(pod(25, { image: 'shop:2', started: '2026-01-12T08:30:15Z', ended: '2026-01-12T08:31:00Z' }))
  api.remove(pod(25))
  await recording.until(() => told().at(-1) === 'DELETED p25', 'the end')
  assert.deepEqual(told().slice(0, 25).sort(), Array.from({ length: 25 }, (_, n) => `LISTED p${n}`).sort())
  assert.deepEqual(told().slice(25), [
    'ADDED p25',
    'MODIFIED p25',
    'MODIFIED p25',
    'STARTED p25',
    'TERMINATED p25',
    'DELETED p25',
  ])
  assert.ok(!JSON.stringify(recording.emitted).includes('hunter2'))
})

test('disconnects, half a line, bookmarks and a restart: nothing lost, nothing doubled', LIMIT, async (t) => {
  const { api, start, watching } = await rig(t)
  api.apply(pod(0))
  const first = await start()
  await first.seen(1)
  const expected = ['LISTED p0']
  for (let n = 1; n <= 20; n++) {
    await watching(first.recording)
    if (n % 5 === 0) api.write('{"type":"ADDED","object":{"meta')
    if (n % 3 === 0 || n % 5 === 0) api.cut()
    api.apply(pod(n))
    expected.push(`ADDED p${n}`)
    await first.seen(n + 1)
  }
  const bookmark = api.bookmark()
  api.apply(pod(21))
  await first.seen(22)
  await first.collector.stop()
  assert.deepEqual(first.told(), [...expected, 'ADDED p21'])
  api.apply(pod(22))
  api.remove(pod(3))
  const second = await start()
  await second.seen(2)
  api.apply(pod(23))
  await second.seen(3)
  assert.deepEqual(second.told(), ['ADDED p22', 'DELETED p3', 'ADDED p23'])
  const versions = api.requests
    .filter(({ url }) => url.searchParams.has('watch'))
    .map(({ url }) => url.searchParams.get('resourceVersion'))
  assert.ok(Number(versions.at(-1)) > bookmark, 'the new watch began where the old one ended')
  assert.equal(api.requests.filter(({ url }) => !url.searchParams.has('watch')).length, 1, 'one list')
})

test('410 Gone: listed again, and what happened meanwhile is told, deletions as well', LIMIT, async (t) => {
  const { api, start, watching } = await rig(t)
  for (let n = 0; n < 3; n++) api.apply(pod(n))
  const first = await start()
  await first.seen(3)
  await watching(first.recording)
  await first.collector.stop()
  api.remove(pod(0))
  api.apply(pod(1, { image: 'shop:2' }))
  api.apply(pod(9, { started: '2026-01-12T08:30:15Z' }))
  api.forget()
  const second = await start()
  await second.seen(4)
  await watching(second.recording)
  assert.deepEqual(second.told().sort(), ['ADDED p9', 'DELETED p0', 'MODIFIED p1', 'STARTED p9'])
})

test('a line that is no event becomes a dead letter, and a list tells what it hid', LIMIT, async (t) => {
  const { api, start, watching } = await rig(t)
  api.apply(pod(0))
  const { recording, told, seen } = await start()
  await seen(1)
  await watching(recording)
  api.write('{"type":"ADDED","object":{"metadata":{"name":"half\n')
  await recording.until(() => recording.emitted.some(({ record }) => record.fault), 'a dead letter')
  assert.equal(recording.emitted.find(({ record }) => record.fault)?.record.fault?.reason, 'malformed_watch_event')
  api.apply(pod(1))
  await seen(2)
  assert.deepEqual(told(), ['LISTED p0', 'ADDED p1'])
})

test('what the pipeline did not take is not in the checkpoint', LIMIT, async (t) => {
  const { api, start, watching } = await rig(t)
  api.apply(pod(0))
  const first = await start()
  await first.seen(1)
  await watching(first.recording)
  let tries = 0
  first.recording.emit = async () => {
    tries++
    throw new Error('the lake is full')
  }
  api.apply(pod(1))
  await first.recording.until(() => tries > 0, 'a try')
  await first.collector.stop()
  const second = await start()
  await second.seen(1)
  assert.deepEqual(second.told(), ['ADDED p1'])
})

test('a rotated token is read again, and silence and recovery are told once', LIMIT, async (t) => {
  const { api, start, token_file, watching } = await rig(t)
  api.accept('first')
  const { recording } = await start()
  await watching(recording)
  api.accept('second')
  api.cut()
  await recording.until(() => recording.coverage.some(({ status }) => status === 'unavailable'), 'silence')
  writeFileSync(token_file, 'second\n')
  api.apply(pod(1))
  await recording.until(() => recording.coverage.some(({ status }) => status === 'ok'), 'recovery')
  const statuses = recording.coverage.map(({ status }) => status)
  assert.deepEqual(statuses, ['unavailable', 'ok'])
})

test('Retry-After is waited for, and failures wait longer each time', LIMIT, async (t) => {
  const { api, start } = await rig(t)
  api.refuse(429, 1, { 'retry-after': '1' })
  api.apply(pod(0))
  const { seen } = await start()
  await seen(1)
  const [one, two] = api.requests
  assert.ok(two!.at_ms - one!.at_ms >= 950, `${two!.at_ms - one!.at_ms} ms`)
  const before = api.requests.length
  api.refuse(503, 4)
  api.cut()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (api.requests.length < before + 5) return
      clearInterval(timer)
      resolve()
    }, 10)
  })
  const times = api.requests.slice(before, before + 5).map(({ at_ms }) => at_ms)
  assert.ok(times[4]! - times[3]! > times[1]! - times[0]! || times[4]! - times[0]! > 150, String(times))
})

test('a kubeconfig with a client certificate; an authority that is not ours is not trusted', LIMIT, async (t) => {
  const { api, start } = await rig(t)
  api.apply(pod(0))
  const folder = temporaryFolder()
  const kubeconfig = join(folder, 'config')
  const users = (user: string) => `apiVersion: v1
kind: Config
current-context: shop
contexts: [{name: shop, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "${api.url}", certificate-authority: ${file('ca.pem')}}}]
users: [{name: u, user: ${user}}]
`
  writeFileSync(kubeconfig, users(`{client-certificate: ${file('client.pem')}, client-key: ${file('client.key')}}`))
  const { seen } = await start({ kubeconfig })
  await seen(1)
  assert.equal(api.requests[0]?.client, 'client')

  writeFileSync(kubeconfig, users('{exec: {command: aws}}'))
  await assert.rejects(start({ kubeconfig }), { code: 'unsupported', message: /credentials of kind "exec"/ })
  await assert.rejects(start({ kubeconfig, context: 'other' }), { code: 'config_invalid', message: /no entry "other"/ })
  await assert.rejects(start({ token_file: '/nowhere/token' }), { code: 'config_invalid' })
  await assert.rejects(start({ server: 'http://192.0.2.1:8080' }), { message: /not encrypted/ })

  const other = certificates(temporaryFolder())
  const n = api.requests.length
  const stranger = await start({ ca_file: other('ca.pem') }, recordingDeps())
  const { message } = await stranger.recording.until(() => stranger.recording.coverage[0], 'distrust')
  assert.match(message, /not signed by the authority/)
  assert.equal(api.requests.length, n, 'no token was shown')
})
