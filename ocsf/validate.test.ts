import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ocsfSchema } from './schema.js'
import type { Attribute, ClassSchema, ObjectSchema } from './table.js'
import type { ProcessActivity } from './types.generated.js'
import { validate } from './validate.js'

type Dict = { [key: string]: any }

/** The smallest value the schema allows: only what is required, and one of each constraint. */
function minimal(attribute: Attribute): unknown {
  const one = () => {
    if (attribute.enum) return [...attribute.enum.keys()][0]
    if (attribute.values) return attribute.values[0]
    if (attribute.object) return minimalObject(ocsfSchema().objects.get(attribute.object)!)
    if (/^(integer|long|port|timestamp|float)_t$/.test(attribute.type)) return 7
    if (attribute.type === 'boolean_t') return true
    if (attribute.type === 'ip_t') return '10.0.0.1'
    if (attribute.type === 'mac_t') return '00:11:22:33:44:55'
    if (attribute.type === 'uuid_t') return '01a0c450-6c00-7709-bf0e-79a24742d4c0'
    return attribute.type === 'json_t' || attribute.type === 'string_map_t' ? {} : 'x'
  }
  return attribute.array ? [one()] : one()
}

function minimalObject(schema: ObjectSchema): Dict {
  const result: Dict = {}
  for (const attribute of schema.attributes.values()) {
    if (attribute.requirement === 'required' && !attribute.profile) result[attribute.name] = minimal(attribute)
  }
  for (const group of [schema.at_least_one, schema.just_one]) {
    if (!group || group.some((name) => name in result)) continue
    // Prefer a plain value to an object: objects may contain each other.
    const simple =
      group.find((name) => schema.attributes.get(name)?.object === undefined && schema.attributes.has(name)) ??
      group[0]!
    if (schema.attributes.has(simple)) result[simple] = minimal(schema.attributes.get(simple)!)
    else result.device = { type_id: 0, hostname: 'a', os: { name: 'Linux', type_id: 200, version: '6.1' } }
  }
  return result
}

function minimalEvent(schema: ClassSchema): Dict {
  const event = minimalObject(schema)
  const activity = [...schema.attributes.get('activity_id')!.enum!.keys()][0]!
  return {
    ...event,
    class_uid: schema.uid,
    category_uid: schema.category_uid,
    activity_id: activity,
    type_uid: schema.uid * 100 + activity,
    time: 1_790_000_000_000,
  }
}

const event = (): ProcessActivity & Dict => ({
  class_uid: 1007,
  category_uid: 1,
  activity_id: 1,
  type_uid: 100701,
  time: 1_790_000_000_000,
  severity_id: 1,
  metadata: { version: '1.8.0', product: { name: 'test' } },
  device: { type_id: 1, hostname: 'web-01', ip: '10.0.0.5' },
  actor: { process: { pid: 1, name: 'init' } },
  process: {
    pid: 42,
    file: { name: 'sh', type_id: 1, hashes: [{ algorithm_id: 3, value: 'ab' }] },
    parent_process: { pid: 1 },
  },
  workload: { kind: 'vm', uid: 'vm/web-01', name: 'web-01', group: 'web', labels: { team: 'a' } },
})

/** `path code` of every problem after the change. */
function problemsAfter(change: (event: Dict) => void): string[] {
  const changed: Dict = event()
  change(changed)
  return validate(changed).map(({ path, code }) => `${path} ${code}`)
}

test('the smallest event of every class is valid', () => {
  for (const schema of ocsfSchema().classes.values()) {
    assert.deepEqual(validate(minimalEvent(schema)), [], schema.caption)
  }
})

test('every required attribute of every class is missed by name', () => {
  for (const schema of ocsfSchema().classes.values()) {
    for (const { name, requirement, profile } of schema.attributes.values()) {
      if (requirement !== 'required' || profile || name === 'class_uid') continue
      const { [name]: _, ...rest } = minimalEvent(schema)
      const problems = validate(rest)
      assert.ok(
        problems.some(({ path, code }) => path === name && code === 'required_missing'),
        `${schema.caption} without ${name}: ${JSON.stringify(problems)}`,
      )
    }
  }
})

test('every enum of every class rejects a value it does not list', () => {
  for (const schema of ocsfSchema().classes.values()) {
    for (const attribute of schema.attributes.values()) {
      if (!attribute.enum || attribute.array) continue
      const problems = validate({ ...minimalEvent(schema), [attribute.name]: 4242 })
      assert.ok(
        problems.some(({ path, code }) => path === attribute.name && code === 'not_in_enum'),
        `${schema.caption} ${attribute.name}`,
      )
    }
  }
})

test('a full event is valid, also with 99 Other, unmapped data and undefined attributes', () => {
  assert.deepEqual(validate(event()), [])
  assert.deepEqual(
    problemsAfter((e) => {
      e.activity_id = 99
      e.type_uid = 100799
      e.activity_name = 'Hollowing'
      e.unmapped = { anything: [1, null, { at: 'all' }] }
      e.message = undefined
    }),
    [],
  )
})

test('problems name the path and what is wrong', () => {
  const cases: [string, (e: Dict) => void][] = [
    ['time required_missing', (e) => delete e.time],
    ['process.pid wrong_type', (e) => (e.process.pid = '42')],
    ['process.pid wrong_type', (e) => (e.process.pid = 4.2)],
    ['process.pid out_of_range', (e) => (e.process.pid = 99_999_999_999)],
    ['process wrong_type', (e) => (e.process = [])],
    ['message wrong_type', (e) => (e.message = null)],
    ['process.file.hashes wrong_type', (e) => (e.process.file.hashes = {})],
    ['process.file.hashes[0].algorithm_id not_in_enum', (e) => (e.process.file.hashes[0].algorithm_id = 77)],
    ['severity_id wrong_type', (e) => (e.severity_id = 1.5)],
    ['severity_id not_in_enum', (e) => (e.severity_id = -1)],
    ['device.ip bad_format', (e) => (e.device.ip = '10.0.0.256')],
    ['time out_of_range', (e) => (e.time = Date.UTC(9999, 11, 31))],
    ['time out_of_range', (e) => (e.time = -1)],
    ['message lone_surrogate', (e) => (e.message = 'a\ud800b')],
    ['unmapped.x[0].\ufffd lone_surrogate', (e) => (e.unmapped = { x: [{ '\ud800': 1 }] })],
    ['process.colour unknown_attribute', (e) => (e.process.colour = 'red')],
    ['process constraint_failed', (e) => (e.process = { name: 'sh' })],
    ['type_uid inconsistent', (e) => (e.type_uid = 100702)],
    ['category_uid inconsistent', (e) => (e.category_uid = 4)],
    ['class_uid unknown_class', (e) => (e.class_uid = 1234)],
    ['class_uid required_missing', (e) => delete e.class_uid],
    ['workload.kind not_in_enum', (e) => (e.workload.kind = 'lambda')],
    ['workload.labels.team wrong_type', (e) => (e.workload.labels.team = 1)],
    ['unmapped.x wrong_type', (e) => (e.unmapped = { x: Number.NaN })],
  ]
  for (const [expected, change] of cases) assert.deepEqual(problemsAfter(change), [expected])
})

test('an attribute of a profile is required only in events that name the profile', () => {
  assert.deepEqual(
    problemsAfter((e) => (e.metadata.profiles = ['host'])),
    [],
  )
  assert.deepEqual(
    problemsAfter((e) => (e.metadata.profiles = ['cloud'])),
    ['cloud required_missing'],
  )
})

test('an exactly-one constraint wants neither none nor two', () => {
  const schema = ocsfSchema().classes.get(2002)!
  const finding = (vulnerability: Dict) => validate({ ...minimalEvent(schema), vulnerabilities: [vulnerability] })
  assert.deepEqual(finding({ cve: { uid: 'CVE-2021-44228' } }), [])
  assert.equal(finding({})[0]?.code, 'constraint_failed')
  assert.equal(finding({ cve: { uid: 'CVE-2021-44228' }, cwe: { uid: 'CWE-79' } })[0]?.path, 'vulnerabilities[0]')
})

test('hostile input gives problems, not exceptions', () => {
  const chain = (depth: number): Dict => (depth === 0 ? { pid: 1 } : { pid: 1, parent_process: chain(depth - 1) })
  assert.match(problemsAfter((e) => (e.process = chain(500)))[0]!, /^process\.parent_process.* too_deep$/)
  assert.match(
    problemsAfter((e) => (e.unmapped = JSON.parse(`{"x":${'['.repeat(1e5)}${']'.repeat(1e5)}}`)))[0]!,
    /too_deep$/,
  )
  assert.match(problemsAfter((e) => (e.unmapped = { x: new Array(300_000).fill(1) }))[0]!, /too_many_values$/)
  assert.equal(problemsAfter((e) => (e.process.file.hashes = new Array(1000).fill(1))).length, 20)
  assert.deepEqual(validate({ ...event(), ...JSON.parse('{"constructor":1,"toString":2}') }).length, 2)
  assert.equal(
    validate(JSON.parse(`{"class_uid":1007,"__proto__":{"time":1}}`)).some(({ path }) => path === '__proto__'),
    true,
  )
  const circular: Dict = {}
  circular.self = [circular, circular, circular]
  assert.ok(problemsAfter((e) => (e.unmapped = circular)).length > 0)
  const throwing = new Proxy(event(), {
    get() {
      throw new Error('no')
    },
  })
  assert.equal(validate(throwing)[0]?.code, 'unreadable')
  for (const value of [undefined, null, 1, 'x', [], true, () => 1])
    assert.equal(validate(value)[0]?.code, 'not_an_object')
})

test('no input makes it throw, and what it reports can be stored', () => {
  const classes = [...ocsfSchema().classes.values()]
  const names = [...new Set(classes.flatMap((schema) => [...schema.attributes.keys()]))]
  fc.assert(
    fc.property(
      fc.constantFrom(...classes),
      fc.dictionary(fc.constantFrom(...names), fc.anything({ withBigInt: true, withDate: true, maxDepth: 3 })),
      (schema, changes) => {
        const problems = validate({ ...minimalEvent(schema), ...changes })
        assert.ok(problems.length <= 20)
        for (const problem of problems) {
          for (const text of Object.values(problem)) assert.ok(text.isWellFormed() && text.length < 4000)
        }
      },
    ),
    { numRuns: 3000 },
  )
})

test('speed, for the reader', (t) => {
  const events = Array.from({ length: 20_000 }, (_, pid) => ({ ...event(), process: { ...event().process, pid } }))
  let best = 0
  for (let round = 0; round < 5; round++) {
    const started = performance.now()
    for (const each of events) validate(each)
    best = Math.max(best, events.length / (performance.now() - started))
  }
  t.diagnostic(`validate: ${best.toFixed(0)} k process events/s`)
})

test('observables of every type are valid: their values are not in the compiled schema', () => {
  const event = {
    class_uid: 4001,
    category_uid: 4,
    activity_id: 1,
    type_uid: 400101,
    time: 1,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'x' } },
    dst_endpoint: { ip: '192.0.2.1' },
    observables: [
      { name: 'dst_endpoint.ip', type_id: 2, type: 'IP Address', value: '192.0.2.1' },
      { name: 'x', type_id: 99, type: 'mine' },
    ],
  }
  assert.deepEqual(validate(event), [])
  assert.equal(validate({ ...event, observables: [{ type_id: 'two' }] })[0]?.code, 'wrong_type')
})
