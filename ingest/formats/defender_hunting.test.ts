import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { defenderHunting } from './defender_hunting.js'

const convert = (name: string) => eventOf(defenderHunting, fixtureCase('defender_hunting/rows.jsonl', name))

test('processes, connections, log-ons, files of a device', () => {
  const launched = convert('process')
  assert.deepEqual(
    [launched.class_uid, launched.activity_name, launched.process.pid],
    [CLASS.process_activity, 'Launch', 900],
  )
  assert.deepEqual([launched.actor.process.pid, launched.actor.process.user.name], [5692, 'ana'])
  assert.equal(launched.time, Date.UTC(2026, 0, 12, 8, 30, 0, 123))
  assert.equal(launched.workload?.uid, 'vm/ws5.example.org')
  const connection = convert('connection')
  assert.deepEqual(connection.dst_endpoint, { ip: '203.0.113.5', port: 443 })
  const logon = convert('logon')
  assert.deepEqual([logon.class_uid, logon.status_id, logon.user.name], [CLASS.authentication, 2, 'root'])
  assert.deepEqual([convert('file').activity_name, convert('file').file.path], ['Delete', 'C:\\a.txt'])
})

test('cloud applications and VM insights', () => {
  const mail = convert('mail')
  assert.deepEqual([mail.class_uid, mail.activity_name, mail.workload], [CLASS.api_activity, 'Read', undefined])
  assert.deepEqual([mail.actor.user.uid, mail.src_endpoint.ip], ['5a95', '203.0.113.8'])
  const vm = convert('vm connection')
  assert.deepEqual([vm.activity_name, vm.traffic.bytes_in, vm.workload?.uid], ['Traffic', 1220, 'vm/web-1'])
})

test('who an application acts for, and from where', () => {
  const event = eventOf(defenderHunting, {
    ...fixtureCase('defender_hunting/rows.jsonl', 'mail'),
    OAuthAppId: 'app-7',
    ApplicationId: 20893,
    ISP: 'Example Net',
    City: 'Chicago',
    CountryCode: 'US',
    AccountType: 'Regular',
  })
  assert.deepEqual([event.actor.app_uid, event.api.service.uid, event.actor.user.type], ['app-7', '20893', 'Regular'])
  assert.equal(event.src_endpoint.isp, 'Example Net')
  assert.deepEqual(event.src_endpoint.location, { city: 'Chicago', country: 'US' })
  const process = eventOf(defenderHunting, {
    ...fixtureCase('defender_hunting/rows.jsonl', 'process'),
    InitiatingProcessAccountUpn: 'ana@example.org',
    InitiatingProcessLogonId: '1357805418',
    InitiatingProcessVersionInfoProductName: 'PowerShell',
    InitiatingProcessVersionInfoOriginalFileName: 'PowerShell.EXE',
  })
  assert.deepEqual(process.actor.process.session, { uid: '1357805418' })
  assert.equal(process.actor.process.user.email_addr, 'ana@example.org')
  assert.deepEqual(process.actor.process.file.product, { name: 'PowerShell' })
  assert.equal(process.actor.process.file.internal_name, 'PowerShell.EXE')
})

test('refused with a reason', () => {
  assert.match(refusalOf(defenderHunting, { a: 1 }), /^not_hunting/)
  assert.match(refusalOf(defenderHunting, { ActionType: 'x', Timestamp: 'never' }), /^bad_time/)
})

const shared = corpusOf('defender_hunting', ['parser-corpus/otrf_json_mixed.jsonl'])
test('all rows of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(defenderHunting, shared ?? [])
  assert.ok(report.events >= 8)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
