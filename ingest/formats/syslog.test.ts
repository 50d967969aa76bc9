import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, RECEIVED, refusalOf } from '../../test/format-cases.js'
import { syslog } from './syslog.js'

const convert = (name: string) => eventOf(syslog, fixtureCase('syslog/messages.jsonl', name))

test('RFC 5424: an accepted key is a log-on from elsewhere', () => {
  const event = convert('ssh accepted')
  assert.equal(event.class_uid, CLASS.authentication)
  assert.equal(event.activity_name, 'Logon')
  assert.equal(event.status_id, 1)
  assert.equal(event.severity_id, 1)
  assert.equal(event.time, Date.UTC(2026, 0, 12, 7, 30, 0, 250))
  assert.deepEqual(event.user, { name: 'ana' })
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.7', port: 50222 })
  assert.equal(event.auth_protocol, 'publickey')
  assert.equal(event.is_remote, true)
  assert.equal(event.actor.process.pid, 4711)
  assert.equal(event.workload?.uid, 'vm/web-1')
  assert.deepEqual([event.device.hostname, event.device.ip], ['web-1', '10.0.1.5'])
  assert.deepEqual([event.metadata.log_name, event.metadata.sequence], ['auth', 7])
  assert.equal(event.unmapped, undefined)
})

test('RFC 3164: failures, and the year that is left out', () => {
  const event = convert('ssh failed')
  assert.equal(event.class_uid, CLASS.authentication)
  assert.equal(event.status_id, 2)
  assert.equal(event.user.name, 'oracle')
  assert.equal(event.src_endpoint.ip, '198.51.100.9')
  assert.equal(event.time, Date.UTC(2026, 0, 9, 23, 5, 57), String(RECEIVED))
  const closed = convert('last year')
  assert.equal(closed.time, Date.UTC(2025, 11, 31, 23, 59, 58))
  assert.equal(closed.class_uid, CLASS.ssh_activity)
  assert.equal(closed.activity_name, 'Close')
})

test('sudo is a launch as somebody else, su an account switch', () => {
  const event = convert('sudo')
  assert.equal(event.class_uid, CLASS.process_activity)
  assert.equal(event.process.cmd_line, '/usr/bin/cat /etc/shadow')
  assert.deepEqual(event.process.user, { name: 'root' })
  assert.equal(event.process.working_directory, '/home/ana')
  assert.deepEqual(event.actor.user, { name: 'ana' })
  assert.equal(event.status_id, 1)
  const refused = convert('sudo refused')
  assert.deepEqual([refused.status_id, refused.status_detail], [2, 'user NOT in sudoers'])
  assert.equal(refused.severity_id, 5)
  assert.equal(refused.actor.process.pid, 77)
  const su = convert('su failed')
  assert.deepEqual([su.activity_name, su.status_id], ['Account Switch', 2])
  assert.deepEqual([su.user.name, su.actor.user.name], ['root', 'eve'])
  const pam = convert('pam session')
  assert.deepEqual([pam.activity_name, pam.user.name, pam.actor.user.uid], ['Account Switch', 'root', '1001'])
})

test('cron, accounts, groups, units', () => {
  const job = convert('cron')
  assert.equal(job.class_uid, CLASS.scheduled_job_activity)
  assert.equal(job.activity_name, 'Start')
  assert.equal(job.job.cmd_line, 'cd / && run-parts --report /etc/cron.hourly')
  const added = convert('user added')
  assert.deepEqual([added.class_uid, added.activity_name], [CLASS.account_change, 'Create'])
  assert.deepEqual(added.user, { name: 'eve', uid: '1002' })
  const member = convert('group member')
  assert.deepEqual([member.class_uid, member.activity_name], [CLASS.group_management, 'Add User'])
  assert.deepEqual([member.group.name, member.user.name], ['sudo', 'eve'])
  const unit = convert('unit stopped')
  assert.deepEqual([unit.class_uid, unit.activity_name], [CLASS.application_lifecycle, 'Stop'])
})

test('the kernel: packets that were blocked, and audit records', () => {
  const event = convert('packet blocked')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.network_activity, 'Refuse'])
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.9', port: 40000, interface_name: 'eth0' })
  assert.deepEqual(event.dst_endpoint, { ip: '10.0.1.5', port: 23 })
  assert.deepEqual([event.disposition_id, event.firewall_rule.name], [2, 'UFW BLOCK'])
  assert.equal(event.severity_id, 3)
  const audit = convert('kernel audit')
  assert.equal(audit.class_uid, CLASS.file_activity)
  assert.equal(audit.file.path, '/etc/shadow')
  assert.equal(audit.policy.name, 'AppArmor')
  assert.equal(audit.time, 1_768_209_720_500)
  assert.equal(audit.workload?.uid, 'vm/web-1')
})

test('the journal: the machine by its id, as the host collector names it, and the container that wrote it', () => {
  const event = convert('journal')
  assert.equal(event.class_uid, CLASS.authentication)
  assert.deepEqual([event.status_id, event.user.name], [2, 'admin'])
  assert.equal(event.time, 1_768_209_780_123)
  assert.equal(event.workload?.uid, 'vm/0123456789abcdef0123456789abcdef')
  assert.equal(event.workload?.name, 'web-1')
  assert.equal(event.actor.process.file.path, '/usr/sbin/sshd')
  const container = convert('journal of a container')
  assert.equal(container.workload?.uid, 'container/a1b2c3d4e5f6')
  assert.deepEqual([container.class_uid, container.severity_id], [CLASS.application_error, 4])
})

test('refused with a reason; structured data with escapes; lines of other kinds', () => {
  assert.match(refusalOf(syslog, 'hello world'), /^not_syslog: expected <priority>/)
  assert.match(refusalOf(syslog, '<999>Jan 12 09:00:00 a b: c'), /^not_syslog/)
  assert.match(refusalOf(syslog, { hello: 1 }), /^not_syslog: no text/)
  assert.match(refusalOf(syslog, '{"a":'), /^invalid_json/)
  const event = eventOf(syslog, '<13>1 - - app - ID [a@1 k="x\\"y\\]"] \ufefftext')
  assert.deepEqual(event.unmapped, { 'a@1.k': 'x"y]' })
  assert.equal(event.message, 'text')
  assert.equal(event.time, RECEIVED)
  assert.equal(event.workload, undefined)
})

test('long and repetitive lines take no longer than short ones', () => {
  const started = performance.now()
  for (const app of ['sshd', 'sudo', 'su', 'useradd', 'systemd', 'kernel', 'CRON', 'login', 'x']) {
    for (const part of [
      'Failed password for ',
      'a : ',
      'x to x on ',
      'SRC=1 DST=1 ',
      "'",
      '(a) ',
      'port 1 ',
      ' ; ',
      '<Data ',
    ]) {
      eventOf(syslog, `Jan 12 09:00:00 web-1 ${app}[1]: ${part.repeat(200_000 / part.length)}`)
    }
  }
  assert.ok(performance.now() - started < 4_000, `${performance.now() - started} ms`)
})

const shared = corpusOf('syslog', ['parser-corpus/auditd_linux.jsonl', 'parser-corpus/otrf_json_mixed.jsonl'])
test('all messages of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(syslog, shared ?? [])
  assert.ok(report.events > 60)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
