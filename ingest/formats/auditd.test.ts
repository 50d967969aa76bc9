import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, eventsOf, fixtureCase, make, RECEIVED, refusalOf } from '../../test/format-cases.js'
import { createAssembler } from '../assemble.js'
import { syscallName } from './auditd/names.js'
import { auditd } from './auditd.js'

const TIME = 1_760_000_000_123
const given = (name: string) => fixtureCase('auditd/events.jsonl', name) as unknown as string
const convert = (name: string) => eventOf(auditd, given(name))

test('an exec is the launch of a process by its parent, with names, arguments and files', () => {
  const event = convert('exec with names')
  assert.equal(event.class_uid, CLASS.process_activity)
  assert.equal(event.activity_name, 'Launch')
  assert.equal(event.time, TIME)
  assert.equal(event.severity_id, 1)
  assert.equal(event.status_id, 1)
  const { process, actor } = event
  assert.equal(process.pid, 812)
  assert.equal(process.cmd_line, 'curl -o /tmp/a b')
  assert.equal(process.name, 'curl')
  assert.equal(process.working_directory, '/home/ana')
  assert.equal(process.file.path, '/usr/bin/curl')
  assert.deepEqual(process.file.owner, { uid: '0', name: 'root', groups: [{ uid: '0', name: 'root' }] })
  assert.deepEqual(process.user, { uid: '0', name: 'root', groups: [{ uid: '0', name: 'root' }] })
  assert.deepEqual(process.loaded_modules, ['/lib64/ld-linux-x86-64.so.2'])
  assert.deepEqual(process.parent_process, { pid: 700 })
  assert.deepEqual(actor, {
    process: { pid: 700 },
    user: { uid: '1000', name: 'ana' },
    session: { uid: '7', terminal: 'pts1' },
  })
  assert.deepEqual(event.metadata.labels, ['download'])
  assert.equal(event.metadata.original_event_uid, '1760000000.123:101')
  assert.equal(event.workload?.uid, 'vm/web-1.example.org')
  assert.equal(event.device.hostname, 'web-1.example.org')
  assert.equal(event.unmapped?.['SYSCALL.suid'], '0')
})

test('what became of a call is not what became of the finding about it', () => {
  const event = eventOf(
    auditd,
    `type=ANOM_EXEC msg=audit(1760000000.123:7): user pid=7 uid=1 auid=2 ses=1 msg='op=PAM:chk acct="ana" exe="/sbin/chk" res=failed'`,
  )
  assert.deepEqual([event.class_uid, event.status], [CLASS.detection_finding, 'New'])
  assert.equal(event.unmapped?.['ANOM_EXEC.res'], 'failed')
})

test('opening with O_CREAT is a creation; relative names are completed, unset users left out', () => {
  const event = convert('file created')
  assert.equal(event.class_uid, CLASS.file_activity)
  assert.equal(event.activity_name, 'Create')
  assert.equal(event.file.path, '/var/www/upload/shell.php')
  assert.equal(event.file.uid, '08:01:11')
  assert.equal(event.file.type_id, 1)
  assert.deepEqual(event.actor.user, { uid: '33', groups: [{ uid: '33' }] })
  assert.equal(event.actor.session, undefined)
  assert.equal(event.actor.process.file.path, '/usr/bin/php8.2')
  assert.deepEqual(event.metadata.labels, ['web', 'etc'])
  assert.equal(event.workload, undefined, 'no machine is named, and none is made up')
})

test('where the collector knows the machine, lines without node belong to it', () => {
  const host = { id: '0123456789abcdef0123456789abcdef', name: 'web-1' }
  const of = (name: string) => {
    const outcome = auditd.create({})(given(name), { received_time: RECEIVED, host })
    assert.equal(outcome.kind, 'ok')
    return outcome.kind === 'ok' ? outcome.value[0] : undefined
  }
  assert.equal(of('file created')?.workload?.uid, `vm/${host.id}`)
  assert.equal(of('exec with names')?.workload?.uid, `vm/${host.id}`, 'its full name is the same machine')
})

test('a refused connection fails, with the decoded address', () => {
  const event = convert('connection refused')
  assert.equal(event.class_uid, CLASS.network_activity)
  assert.equal(event.activity_name, 'Fail')
  assert.deepEqual(event.dst_endpoint, { ip: '203.0.113.5', port: 443 })
  assert.equal(event.connection_info.direction_id, 2)
  assert.equal(event.status_id, 2)
  assert.equal(event.status_code, 'ECONNREFUSED')
  assert.equal(event.actor.process.cmd_line, 'nc 203.0.113.5 443')
})

test('log-ins, su, sudo', () => {
  const login = convert('ssh login failed')
  assert.equal(login.class_uid, CLASS.authentication)
  assert.equal(login.activity_name, 'Logon')
  assert.equal(login.status_id, 2)
  assert.deepEqual(login.user, { name: 'root' })
  assert.deepEqual(login.src_endpoint, { ip: '198.51.100.9' })
  assert.equal(login.is_remote, true)
  assert.equal(login.service.name, 'sshd')
  assert.equal(login.actor.process.pid, 1200)

  const su = convert('su failed')
  assert.equal(su.activity_name, 'Account Switch')
  assert.equal(su.status_id, 2)
  assert.equal(su.user.name, 'root')
  assert.equal(su.actor.user.uid, '1000')
  assert.equal(su.is_remote, false)

  const sudo = convert('sudo command')
  assert.equal(sudo.class_uid, CLASS.process_activity)
  assert.equal(sudo.activity_name, 'Launch')
  assert.equal(sudo.process.cmd_line, 'cat /etc/shadow')
  assert.equal(sudo.process.name, 'cat')
  assert.deepEqual(sudo.process.parent_process, { pid: 1300 })
  assert.equal(sudo.process.working_directory, '/home/ana')
  assert.equal(sudo.actor.user.name, 'ana')
})

test('a denial says who was denied what', () => {
  const event = convert('SELinux denial')
  assert.equal(event.class_uid, CLASS.file_activity)
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.file.name, 'shadow')
  assert.equal(event.file.security_descriptor, 'system_u:object_r:shadow_t:s0')
  assert.equal(event.actor.process.pid, 1400)
  assert.equal(event.action_id, 2)
  assert.equal(event.disposition_id, 2)
  assert.equal(event.policy.name, 'SELinux')
  assert.equal(event.status_id, 2)
})

test('accounts and groups', () => {
  const added = convert('user added')
  assert.equal(added.class_uid, CLASS.account_change)
  assert.equal(added.activity_name, 'Create')
  assert.deepEqual(added.user, { name: 'eve', uid: '1002' })
  assert.equal(added.actor.user.name, 'ana')
  const member = convert('user added to group')
  assert.equal(member.class_uid, CLASS.group_management)
  assert.equal(member.activity_name, 'Add User')
  assert.deepEqual([member.group, member.user], [{ name: 'sudo' }, { name: 'eve' }])
})

test('a rename names both files; numbers of calls are those of the architecture', () => {
  const event = convert('rename on ARM')
  assert.equal(event.activity_name, 'Rename')
  assert.equal(event.file.path, '/tmp/a')
  assert.equal(event.file_result.path, '/tmp/b')
  const known = { 59: 'execve', 105: 'setuid', 165: 'mount', 257: 'openat', 321: 'bpf', 332: 'statx', 435: 'clone3' }
  for (const [number, name] of Object.entries(known)) assert.equal(syscallName('c000003e', number), name)
  assert.equal(syscallName('40000003', '11'), 'execve')
  assert.equal(syscallName('c00000b7', '221'), 'execve')
  assert.equal(syscallName('c00000b7', '9999'), undefined)
})

test('kernel modules, services, and the log itself', () => {
  const module = convert('module loaded')
  assert.equal(module.class_uid, CLASS.kernel_extension_activity)
  assert.equal(module.activity_name, 'Load')
  assert.equal(module.driver.file.name, 'diamorphine')
  const service = convert('audit service stopped')
  assert.equal(service.class_uid, CLASS.application_lifecycle)
  assert.equal(service.activity_name, 'Stop')
  assert.equal(service.app.name, 'auditd')
  const off = convert('audit switched off')
  assert.equal(off.class_uid, CLASS.event_log_activity)
  assert.equal(off.activity_name, 'Disable')
  assert.equal(off.actor.user.uid, '1000')
})

test('what ausearch -i prints is read as well', () => {
  const event = convert('interpreted open')
  assert.equal(event.class_uid, CLASS.file_activity)
  assert.equal(event.activity_name, 'Open')
  assert.equal(event.time, TIME)
  assert.equal(event.file.path, '/root')
  assert.equal(event.file.type_id, 2)
  assert.equal(event.status_code, 'EACCES')
  assert.equal(event.actor.user.name, 'ana')
  assert.equal(event.actor.process.cmd_line, 'ls --color=auto /root')
})

test('interleaved lines become whole events; a lone end of event is dropped', () => {
  const [a, b] = [given('exec with names').split('\n'), given('file created').split('\n')]
  const lines = a.flatMap((line, n) => (b[n] === undefined ? [line] : [line, b[n]]))
  const assembler = createAssembler((line) => auditd.partOf?.(line))
  const joined = lines.flatMap((data, n) => assembler.push({ data, position: `${n}` }, n, 0))
  assert.deepEqual(assembler.flush(), [])
  assert.deepEqual(joined.map(({ data }) => data).sort(), [a.join('\n'), b.join('\n')].sort())
  assert.deepEqual(make(auditd, 'type=EOE msg=audit(1760000000.123:102): ').outcome, {
    kind: 'drop',
    reason: 'end_of_event',
  })
  assert.deepEqual(auditd.partOf?.('not an audit line'), undefined)
})

test('several events in one text are several events; all lines of one in one line are one', () => {
  assert.equal(eventsOf(auditd, `${given('file created')}\n${given('su failed')}`).length, 2)
  const line = given('file created').replaceAll('\n', ' ')
  assert.equal(auditd.partOf?.(line)?.is_last, true)
  assert.equal(eventOf(auditd, line).file.path, '/var/www/upload/shell.php')
})

test('a text field that holds a record of its own is data', () => {
  const event = eventOf(
    auditd,
    `type=USER_LOGIN msg=audit(1760000000.123:1): pid=1 uid=0 msg='op=login acct="a type=EOE msg=audit(9.9:9): x=" exe="/usr/sbin/sshd" addr=198.51.100.9 terminal=ssh res=failed'`,
  )
  assert.equal(event.user.name, 'a type=EOE msg=audit(9.9:9): x=')
})

test('refused with a reason', () => {
  assert.match(refusalOf(auditd, 'hello'), /^not_audit: expected type=/)
  assert.match(refusalOf(auditd, 'type=SYSCALL msg=audit(99999999999.0:1): a=b'), /^bad_time: /)
  assert.match(refusalOf(auditd, `${given('su failed')}\nsomething else`), /^mixed_lines: 1 lines/)
})

test('long and repetitive lines take no longer than short ones', () => {
  const head = 'type=SYSCALL msg=audit(1760000000.123:1): '
  const started = performance.now()
  for (const part of [
    'a=b ',
    'a="',
    "msg='",
    '(',
    'type=X msg=audit(1760000000.123:1',
    ' audit(1760000000.123:1)',
    'x ',
  ]) {
    const outcome = auditd.create({})(head + part.repeat(1_000_000 / part.length), { received_time: RECEIVED })
    assert.equal(outcome.kind, 'ok', part)
    if (outcome.kind === 'ok') {
      const event = finish(structuredClone(outcome.value[0] as never), {
        format: 'auditd',
        instance: 't',
        received_time: 1,
        ordinal: 0,
      })
      assert.deepEqual(validate(event), [])
    }
  }
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`)
})

const shared = corpusOf('auditd', ['parser-corpus/auditd_linux.jsonl', 'parser-corpus/auditd_otrf_raw.jsonl'])
test('all audit records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(auditd, shared ?? [])
  assert.ok(report.events > 30)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})

test('what SELinux, AppArmor and Landlock refuse without a call', () => {
  const of = (line: string) => eventOf(auditd, `type=${line}`)
  const loaded = of(
    'USER_AVC msg=audit(1768206624.100:70): pid=1 uid=0 auid=4294967295 ses=4294967295 msg=\'avc:  op=load_policy lsm=selinux seqno=2 res=1 exe="/usr/lib/systemd/systemd"\'',
  )
  assert.equal(loaded.policy, undefined)
  const bounded = of(
    'SELINUX_ERR msg=audit(1768206624.101:71): op=security_bounded_transition seresult=denied oldcontext=system_u:system_r:init_t:s0 newcontext=system_u:system_r:web_t:s0',
  )
  assert.deepEqual([bounded.status, bounded.action_id, bounded.policy.name], ['Failure', 2, 'SELinux'])
  assert.equal(bounded.category_name, 'System Activity')
  const killed = of(
    'APPARMOR_KILL msg=audit(1768206624.102:72): apparmor="KILLED" operation="exec" profile="/usr/sbin/web" name="/bin/sh" pid=811 comm="web"',
  )
  assert.deepEqual([killed.class_name, killed.activity_name, killed.status], ['Process Activity', 'Launch', 'Failure'])
  const written = of(
    'LANDLOCK_ACCESS msg=audit(1768206624.103:73): domain=195ba459b blockers=fs.write_file,fs.truncate path="/etc/passwd" dev="vda2" ino=351',
  )
  assert.deepEqual([written.class_name, written.activity_name], ['File System Activity', 'Update'])
  assert.deepEqual([written.file.path, written.policy.name], ['/etc/passwd', 'Landlock'])
  assert.equal(
    of('LANDLOCK_ACCESS msg=audit(1768206624.104:74): domain=195ba459b blockers=scope.signal opid=1 ocomm="init"')
      .class_name,
    'Process Activity',
  )
})
