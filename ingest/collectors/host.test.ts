import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventOf, recordingDeps, temporaryFolder } from '../recording-deps.js'
import { containerNames, containerOfCgroup } from './host/containers.js'
import { cpuTimes, diskBytes, establishedConnections, networkBytes } from './host/host-metrics.js'
import { hostIdentity } from './host/identity.js'
import { watchLogins } from './host/login-watch.js'
import { openSessions } from './host/logins.js'
import { parseCmdline, parseStat } from './host/procfs.js'
import { decodeEndpoint, parseSocketRows } from './host/socket-rows.js'
import { parseUtmp, utmpLayout } from './host/utmp.js'
import { host } from './host.js'

const ID = '3f2a9c0d11ee'.padEnd(64, '0')
const POD = '8a7f0e4c-1111-2222-3333-444455556666'

test('the container is found in the control group paths of every usual runtime', () => {
  const cases: [string, { runtime?: string; pod_uuid?: string } | undefined][] = [
    [`12:memory:/docker/${ID}\n0::/`, { runtime: 'docker' }],
    [`0::/system.slice/docker-${ID}.scope\n`, { runtime: 'docker' }],
    [
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
      { runtime: 'containerd', pod_uuid: POD },
    ],
    [`0::/kubepods/besteffort/pod${POD}/${ID}`, { pod_uuid: POD }],
    [`0::/kubepods.slice/crio-${ID}.scope/container`, { runtime: 'cri-o' }],
    [`0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`, { runtime: 'podman' }],
    [`0::/machine.slice/libpod-conmon-${ID}.scope`, undefined],
    [`0::/docker/${ID}/system.slice/nginx.service`, { runtime: 'docker' }],
    ['0::/user.slice/user-0.slice/session-4.scope', undefined],
    ['0::/', undefined],
    ['', undefined],
  ]
  for (const [cgroup, expected] of cases) {
    const found = containerOfCgroup(cgroup)
    assert.deepEqual(found, expected && { id: ID, ...expected }, cgroup)
  }
  assert.equal(
    containerOfCgroup('0::/ecs/1f/0123456789abcdef0123456789abcdef-1234567890')?.id,
    '0123456789abcdef0123456789abcdef-1234567890',
  )
})

test("a container has the name and image of Docker's own file where that can be read", () => {
  const root = temporaryFolder()
  const folder = join(root, 'containers', ID)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.v2.json'), JSON.stringify({ Name: '/web', Config: { Image: 'nginx:1.27' } }))
  const named = containerNames(root)({ id: ID, runtime: 'docker' }).workload
  assert.deepEqual([named.uid, named.name, named.group], ['container/3f2a9c0d11ee', 'web', 'nginx:1.27'])
  const unnamed = containerNames(temporaryFolder())({ id: ID }).workload
  assert.deepEqual(
    [unnamed.uid, unnamed.name, unnamed.group],
    ['container/3f2a9c0d11ee', '3f2a9c0d11ee', '3f2a9c0d11ee'],
  )
})

test('a process may be called anything', () => {
  const rest = '1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 0 0'
  assert.deepEqual(parseStat(`12 (a) b (c) S ${rest}`)?.comm, 'a) b (c')
  const stat = parseStat(`12 (sh) S ${rest}`)
  assert.deepEqual([stat?.pid, stat?.ppid, stat?.start_ticks, stat?.is_kernel_thread], [12, 1, 4242, false])
  assert.equal(parseStat('garbage'), undefined)
  assert.equal(parseCmdline(Buffer.from('sh\0-c\0echo a\0\0'), 100), 'sh -c echo a')
  assert.equal(parseCmdline(Buffer.from([0x61, 0xff, 0x62]), 100), 'a\ufffdb')
})

test('addresses are read as the kernel prints them', () => {
  assert.deepEqual(decodeEndpoint('0100007F:1F90'), { ip: '127.0.0.1', port: 8080 })
  assert.deepEqual(decodeEndpoint('00000000000000000000000001000000:0016'), { ip: '::1', port: 22 })
  assert.deepEqual(decodeEndpoint('0000000000000000FFFF00000100A8C0:01BB'), { ip: '192.168.0.1', port: 443 })
  assert.deepEqual(decodeEndpoint('B80D01200000000000000000010000FF:0050'), { ip: '2001:db8::ff00:1', port: 80 })
  const rows = parseSocketRows(
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1062 1 0 100 0 0 10 0\nbroken\n',
    'tcp',
    4,
  )
  assert.equal(rows.length, 1)
  assert.deepEqual([rows[0]?.state, rows[0]?.uid, rows[0]?.inode], [10, '1000', '1062'])
})

test('metrics are read from the kernel files without counting anything twice', () => {
  assert.deepEqual(cpuTimes('cpu  10 1 5 80 4 0 1 0 0 0\ncpu0 1'), [17, 101])
  const disks =
    '254 0 vda 1 0 100 0 1 0 200 0\n254 1 vda1 1 0 90 0 1 0 90 0\n7 0 loop0 1 0 9 0 1 0 9 0\n253 0 dm-0 1 0 9 0 1 0 9 0'
  assert.deepEqual(diskBytes(disks), [51_200, 102_400])
  const links = 'a\nb\n  eth0: 100 0 0 0 0 0 0 0 200 0\n    lo: 5 0 0 0 0 0 0 0 5 0\nveth1@x: 7 0 0 0 0 0 0 0 7 0\n'
  assert.deepEqual(networkBytes(links), [100, 200])
  assert.equal(establishedConnections('Tcp: A CurrEstab\nTcp: 1 7\n'), 7)
})

test("the machine is named by the cloud's instance id where that is readable, else by its machine id", () => {
  const root = temporaryFolder()
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  put('etc/hostname', 'web-01\n')
  put('etc/machine-id', 'abc123\n')
  assert.deepEqual(hostIdentity(root).workload, { kind: 'vm', uid: 'vm/abc123', name: 'web-01', group: 'web' })
  put('var/lib/cloud/data/instance-id', 'iid-datasource-none\n')
  assert.equal(hostIdentity(root).workload.uid, 'vm/abc123')
  put('sys/class/dmi/id/board_asset_tag', 'i-0123456789abcdef0\n')
  assert.equal(hostIdentity(root).workload.uid, 'vm/i-0123456789abcdef0')
  assert.equal(hostIdentity(root).workload.provider, 'aws')
})

type Login = {
  type: number
  pid: number
  line: string
  user?: string
  host?: string
  ip?: Buffer
  time: number
  us?: number
}

/** A record as log-in programs write it. */
function utmpBytes({ type, pid, line, user = '', host: from = '', ip, time, us = 0 }: Login): Buffer {
  const layout = utmpLayout()
  const bytes = Buffer.alloc(layout.record_bytes)
  bytes.writeInt16LE(type, 0)
  bytes.writeInt32LE(pid, 4)
  bytes.write(line, 8)
  bytes.write(user, 44)
  bytes.write(from, 76)
  if (layout.wide_time) {
    bytes.writeBigInt64LE(BigInt(time), layout.time_at)
    bytes.writeBigInt64LE(BigInt(us), layout.time_at + 8)
  } else {
    bytes.writeInt32LE(time, layout.time_at)
    bytes.writeInt32LE(us, layout.time_at + 4)
  }
  ip?.copy(bytes, layout.address_at)
  return bytes
}

const ALICE: Login = {
  type: 7,
  pid: 100,
  line: 'pts/0',
  user: 'alice',
  host: 'far.example',
  ip: Buffer.from([203, 0, 113, 9]),
  time: 1_700_000_000,
  us: 123_456,
}

test('log-in records hold addresses of both kinds, and a torn record waits', () => {
  const ipv6 = Buffer.from('20010db8000000000000000000000001', 'hex')
  const bytes = Buffer.concat([utmpBytes(ALICE), utmpBytes({ ...ALICE, ip: ipv6, user: 'x'.repeat(32) })])
  const records = parseUtmp(Buffer.concat([bytes, Buffer.alloc(100)]), utmpLayout())
  assert.equal(records.length, 2)
  assert.equal(records[0]?.time, 1_700_000_000_123)
  assert.deepEqual([records[0]?.ip, records[1]?.ip], ['203.0.113.9', '2001:db8:0:0:0:0:0:1'])
  assert.equal(records[1]?.user, 'x'.repeat(32))
})

test('log-ins, log-offs and failures are events, over rotation and restart, each once', {
  timeout: 20_000,
}, async () => {
  const root = temporaryFolder()
  mkdirSync(join(root, 'var/log'), { recursive: true })
  mkdirSync(join(root, 'var/run'), { recursive: true })
  const wtmp = join(root, 'var/log/wtmp')
  writeFileSync(join(root, 'var/run/utmp'), utmpBytes(ALICE))
  writeFileSync(wtmp, utmpBytes(ALICE))
  const identity = hostIdentity(root)
  const recording = recordingDeps()
  const config = host.config.parse({ root, login_interval_ms: 100 })

  const first = new AbortController()
  const watching = watchLogins(config, recording.deps, identity, first.signal)
  await recording.until(() => recording.coverage.length >= 2 && recording.emitted.length >= 1, 'the open session')
  const failed = recording.coverage.find(({ part }) => part === 'failed_logins')
  assert.equal(failed?.status, 'unavailable')
  assert.match(failed?.message ?? '', /btmp is absent/)

  writeFileSync(join(root, 'var/log/btmp'), utmpBytes({ ...ALICE, type: 6, line: 'ssh:notty', user: 'root', pid: 200 }))
  appendFileSync(wtmp, utmpBytes({ ...ALICE, pid: 101, line: 'pts/1', user: 'bob' }))
  await recording.until(() => recording.emitted.length >= 3, 'a failure and a log-in')
  first.abort()
  await watching

  appendFileSync(wtmp, utmpBytes({ type: 8, pid: 100, line: 'pts/1', time: 1_700_000_100 }))
  renameSync(wtmp, `${wtmp}.1`)
  writeFileSync(wtmp, utmpBytes({ ...ALICE, pid: 102, line: 'tty1', user: 'carol', host: '', ip: Buffer.alloc(16) }))
  const second = new AbortController()
  const again = watchLogins(config, recording.deps, identity, second.signal)
  await recording.until(() => recording.emitted.length >= 5, 'what happened meanwhile')
  await new Promise((resolve) => setTimeout(resolve, 300))
  second.abort()
  await again

  const events = recording.emitted.map(({ record }) => eventOf(record))
  const facts = events.map((event) => [event.user.name, event.activity_name, event.status, event.is_remote])
  assert.deepEqual(facts.slice(0, 1), [['alice', 'Logon', 'Success', true]])
  assert.ok(facts.some((fact) => fact.join() === 'root,Logon,Failure,true'))
  assert.ok(facts.some((fact) => fact.join() === 'bob,Logon,Success,true'))
  assert.ok(facts.some((fact) => fact.join() === 'carol,Logon,Success,false'))
  assert.ok(facts.some((fact) => fact.join() === 'bob,Logoff,Success,false'))
  assert.equal(events.length, 5)
  assert.equal(events.find((event) => event.user.name === 'root')?.src_endpoint.ip, '203.0.113.9')
  const uids = events.map((event) => event.metadata.uid)
  assert.equal(new Set(uids).size, uids.length)
  const [session] = await openSessions(root, identity)
  assert.equal(eventOf(session!).metadata.uid, uids[0])
})

test('what is not there is reported with what to do', async () => {
  const recording = recordingDeps()
  const collector = host.create(
    host.config.parse({ root: temporaryFolder(), watch: ['processes', 'connections', 'logins'] }),
    recording.deps,
  )
  await collector.start()
  assert.deepEqual(
    recording.coverage.map(({ part, status }) => [part, status]),
    [
      ['processes', 'unavailable'],
      ['connections', 'unavailable'],
      ['logins', 'unavailable'],
    ],
  )
  await collector.stop()
  await collector.stop()
  assert.ok(host.create(host.config.parse({}), recording.deps).describe().length > 10)
})
