import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, make } from '../../test/format-cases.js'
import { ndjson } from './ndjson.js'

const config = {
  mappings: [
    ...ndjson.example.mappings!,
    {
      name: 'vpn',
      match: { app: ['vpn', 'vpn2'], user: null },
      class: 3002,
      fields: {
        time: { from: 'when', time: 'clf' as const },
        activity_id: { value: 'Logon' },
        'user.name': 'user',
        'service.name': { value: 'vpn' },
        is_mfa: 'mfa',
        'src_endpoint.ip': 'from',
        'auth_factors.factor_type_id': { value: 7 },
        'metadata.product.name': { value: 'OpenVPN' },
        'workload.kind': { value: 'vm' },
        'workload.uid': { from: 'gateway', default: 'vm/gateway' },
        status_id: { from: 'http.result', default: 'Unknown' },
      },
    },
  ],
}
const convert = (record: object) => eventOf(ndjson, record, config)
const refuse = (record: object, options: object = config) => {
  const { outcome } = make(ndjson, record, options)
  return outcome.kind === 'reject' ? `${outcome.reason}: ${outcome.detail}` : outcome.kind
}

test('attributes, lookups, times and constants; the rest is unmapped', () => {
  const event = convert({
    type: 'fw',
    ts: 1768209600.5,
    verdict: 'block',
    client: { ip: '203.0.113.9', name: 'x', nested: { a: 1 } },
    server: { port: '443' },
    extra: [1],
  })
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [4001, 'Refuse', 'Failure'])
  assert.equal(event.time, 1768209600500)
  assert.equal(event.severity, 'Informational')
  assert.equal(event.src_endpoint.ip, '203.0.113.9')
  assert.equal(event.dst_endpoint.port, 443)
  assert.equal(event.metadata.product.name, 'shop firewall')
  assert.deepEqual(event.unmapped, { type: 'fw', 'client.name': 'x', 'client.nested': { a: 1 }, extra: [1] })
})

test('the first of several paths; what is in no lookup has the default; a name with a dot', () => {
  const event = convert({ type: 'fw', client_ip: '2001:db8::1', verdict: 'odd', 'server.port': 22 })
  assert.deepEqual([event.activity_name, event.status_id], ['Traffic', undefined])
  assert.deepEqual([event.src_endpoint.ip, event.dst_endpoint.port], ['2001:db8::1', 22])
  assert.deepEqual(event.unmapped, { type: 'fw', verdict: 'odd' })
})

test('captions are understood, a value of a wrong kind stays unmapped', () => {
  const event = convert({
    app: 'vpn2',
    user: 'alice',
    when: '12/Jan/2026:10:20:00 +0100',
    mfa: 'yes',
    from: 'nowhere',
    gateway: 'vm/gw-1',
    http: { result: 'failure', more: 1 },
  })
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [3002, 'Logon', 'Failure'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 9, 20))
  assert.equal(event.is_mfa, true)
  assert.equal(event.src_endpoint, undefined)
  assert.deepEqual(event.auth_factors, [{ factor_type_id: 7 }])
  assert.deepEqual(event.workload, { kind: 'vm', uid: 'vm/gw-1', name: 'gw-1', group: 'gw-1' })
  assert.deepEqual(event.unmapped, { app: 'vpn2', from: 'nowhere', 'http.more': 1 })
})

test('what cannot be mapped is refused with the reason', () => {
  assert.match(
    refuse({ type: 'fw' }),
    /^mapping_failed: src_endpoint\.ip: expected ip_t at client\.ip or client_ip, found nothing/,
  )
  assert.match(refuse({ type: 'fw', client_ip: 'x' }), /^mapping_failed: src_endpoint\.ip: .* found string "x"/)
  assert.match(refuse({ type: 'other' }), /^no_mapping: .*\(shop firewall, vpn\)/)
  assert.match(refuse({}, {}), /^no_mapping: .*none is configured/)
  assert.match(refuse([]), /^not_an_object: /)
  assert.match(refuse({ type: 'fw', client_ip: '192.0.2.1', ts: '900000000000' }), /^bad_time: /)
})

test('a mapping that cannot work is told with its place', () => {
  const problems = (mapping: object) => {
    const { error } = ndjson.config.safeParse({ mappings: [{ name: 'x', class: 4001, ...mapping }] })
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
  }
  assert.deepEqual(problems({ class: 'nosuch', fields: {} }), ['mappings.0.class: OCSF 1.8.0 has no class "nosuch"'])
  const [unknown, kind, both, constant, required] = problems({
    fields: {
      'src_endpoint.ipp': 'a',
      'dst_endpoint.port': { value: 'ssh' },
      message: { from: 'a', value: 'b' },
      severity_id: { from: 'a', lookup: { x: 'very' } },
    },
  })
  assert.match(
    unknown ?? '',
    /^mappings\.0\.fields\.src_endpoint\.ipp: object network_endpoint has no attribute "ipp"; it has .*ip/,
  )
  assert.match(kind ?? '', /dst_endpoint\.port: value: expected port_t, found "ssh"/)
  assert.match(both ?? '', /message: expected from or value, not both/)
  assert.match(constant ?? '', /severity_id: x: expected integer_t, found "very"/)
  assert.match(required ?? '', /class network_activity requires activity_id: map it or give it a constant/)
})

test('names of the prototype are data', () => {
  const record = JSON.parse('{"type":"fw","client_ip":"192.0.2.1","__proto__":{"x":1},"constructor":{"y":2}}')
  const event = convert(record)
  assert.deepEqual(Object.keys(event.unmapped ?? {}).sort(), ['__proto__', 'constructor', 'type'])
  assert.equal(({} as { x?: number }).x, undefined)
})
