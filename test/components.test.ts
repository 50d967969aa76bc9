import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { z } from 'zod'
import { createMemoryBus } from '../bus/memory.js'
import type { Batch } from '../bus/port.js'
import type { Definition, Registry } from '../core/define.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { packageRoot } from '../core/paths.js'
import { detectors } from '../detectors/index.js'
import { collectors } from '../ingest/collectors/index.js'
import type { FormatDefinition, RawRecord } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake } from '../ingest/intake.js'
import { recordingDeps, temporaryFolder } from '../ingest/recording-deps.js'
import { FEATURES } from '../models/features.js'
import { models } from '../models/index.js'
import { validate } from '../ocsf/validate.js'
import { actions } from '../responders/actions/index.js'
import { type Field, fieldsOf, inputSchema } from '../scripts/fields.js'

const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const log = createLog('silent')

/** What holds for every component; the folder is where its file and its line in index.ts are. */
const registries: readonly { folder: string; registry: Registry<Definition<z.ZodType>> }[] = [
  { folder: 'ingest/collectors', registry: collectors as Registry<Definition<z.ZodType>> },
  { folder: 'ingest/formats', registry: formats as Registry<Definition<z.ZodType>> },
  { folder: 'models', registry: models as Registry<Definition<z.ZodType>> },
  { folder: 'detectors', registry: detectors as Registry<Definition<z.ZodType>> },
  { folder: 'responders/actions', registry: actions as Registry<Definition<z.ZodType>> },
]

for (const { folder, registry } of registries) {
  for (const definition of registry.all) {
    const { name, summary, config, example } = definition
    test(`${registry.kind} ${name} says what it is: name, file, summary, fields, example`, () => {
      assert.match(name, SNAKE_CASE)
      const files = [`${name}.ts`, `${name}/${name}.ts`].filter((file) => existsSync(join(packageRoot, folder, file)))
      assert.equal(files.length, 1, `${folder} has the file ${name}.ts or ${name}/${name}.ts`)
      assert.match(summary, /^[A-Z].{14,118}[^ ]$/s, 'one sentence that begins with a capital')

      const schema = inputSchema(config)
      assert.equal(schema.type, 'object')
      for (const field of fieldsOf(schema)) assertField(field)
      assert.ok(config.safeParse(example).success, JSON.stringify(config.safeParse(example).error?.issues))
      const stranger = config.safeParse({ ...(example as object), no_such_field: 1 })
      assert.ok(!stranger.success && stranger.error.issues.some(({ code }) => code === 'unrecognized_keys'))
    })
  }
}

function assertField({ path, description }: Field) {
  for (const part of path.replaceAll('[]', '').split('.')) {
    if (part !== '<name>') assert.match(part, SNAKE_CASE, path)
  }
  assert.ok(description && description.length > 10, `${path} has a description`)
  assert.match(description, /[.`)]$/, `the description of ${path} is a sentence`)
}

for (const { name, create, config, example, formats: emitted } of collectors.all) {
  test(`collector ${name} is built from its example, and stops without start, twice`, async () => {
    const recording = recordingDeps()
    const collector = create(config.parse(example), recording.deps)
    assert.ok(collector.describe().length > 5)
    assert.ok(!collector.describe().includes('\n'))
    await collector.stop()
    await collector.stop()
    assert.deepEqual(recording.emitted, [])
    for (const format of emitted) assert.equal(formats.find(format).name, format)
  })
}

for (const { name, create, config, example, needs, memory_ms } of detectors.all) {
  test(`detector ${name} is built from its example, finds nothing in nothing, and stops twice`, async () => {
    const state_dir = temporaryFolder()
    const detector = await create(config.parse(example), { instance: 'under_test', log, state_dir })
    assert.ok(needs.classes === 'all' || needs.classes.length > 0)
    assert.ok(memory_ms >= 0)
    detector.restore?.([])
    assert.deepEqual(detector.process([]), [])
    assert.deepEqual(detector.advance?.(Date.UTC(2026, 0, 1)) ?? [], [])
    assert.ok((detector.coverage?.() ?? { message: 'watches everything' }).message.length > 10)
    await detector.stop?.()
    await detector.stop?.()
  })
}

for (const { name, create, config, example } of models.all) {
  test(`model ${name} is built from its example, and refuses to judge before it was trained`, () => {
    const model = create(config.parse(example), FEATURES)
    assert.equal(model.manifest, undefined)
    assert.throws(() => model.score(new Float32Array(FEATURES.length)), { code: 'bad_input' })
  })
}

for (const { name, create, config, example, reversible, targets } of actions.all) {
  test(`action ${name} is built from its example, and can undo if it says so`, () => {
    const action = create(config.parse(example), { log })
    assert.equal(typeof action.undo === 'function', reversible)
    assert.equal(typeof action.verify_undo === 'function', reversible)
    assert.ok(targets.length > 0)
  })
}

/** Records nobody would send on purpose. */
const hostile: readonly (string | object)[] = [
  '',
  ' ',
  '\u0000',
  'null',
  'true',
  '0',
  '-1e999',
  '""',
  '[]',
  '{}',
  '[[]]',
  '[null,1,"x",{}]',
  '{"',
  'not json',
  '\ud800',
  '{"a":"\\ud800"}',
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  '{"Records":[]}',
  '{"Records":[null,{},{"eventName":1}]}',
  '{"class_uid":1007,"activity_id":1,"time":253402300800000,"severity_id":1}',
  '{"class_uid":"1007","activity_id":[],"time":"now","severity_id":{}}',
  '{"rule":{},"priority":[],"output_fields":"x","time":9e99}',
  '{"eventVersion":"1.08","eventName":{},"eventSource":[],"eventTime":"9999-12-31T23:59:59Z","userIdentity":3}',
  '{"Type":"container","Action":"start","Actor":{"ID":1,"Attributes":[]},"timeNano":"x"}',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `{"a":"${'x'.repeat(100_000)}"}`,
  'x'.repeat(2_000_000),
  '\n\nINSERT INTO events FORMAT JSONEachRow {}\n\nDROP TABLE events',
  'a\tb,c;d|e "f" \'g\' \\ %00 ${HOME}',
]

for (const definition of formats.all) {
  test(`format ${definition.name} never throws, and every record is accounted for`, async () => {
    const format = definition.create(definition.config.parse(definition.example))
    for (const record of hostile) {
      const input = definition.input === 'json' ? parsed(record) : record
      if (input === undefined) continue
      const sureness = definition.detect(input)
      assert.ok(sureness >= 0 && sureness <= 1)
      if (definition.split?.(input) !== undefined) continue
      // Parsed anew: a format may keep the record it gets.
      const again = definition.input === 'json' ? parsed(record) : record
      const outcome = format(again, { received_time: Date.UTC(2026, 0, 1) })
      assert.ok(['ok', 'drop', 'reject'].includes(outcome.kind))
      if (outcome.kind !== 'ok') assert.match(outcome.reason, SNAKE_CASE)
      if (outcome.kind === 'ok') assert.ok(outcome.value.length > 0, 'ok without an event is a lost record')
    }
    await assertAccounted(definition)
  })
}

/** One record at a time and all at once: what comes out of the real intake is what its receipt says. */
async function assertAccounted(definition: FormatDefinition) {
  const { intake, published } = await intakeOf(definition)
  const records: RawRecord[] = hostile.map((data, n) => ({ data, position: `hostile:${n}` }))
  const before = () => ({ ...published })
  for (const batch of [...records.map((record) => [record]), records]) {
    const was = before()
    const receipt = await intake.emit('under_test', definition.name, batch)
    assert.equal(receipt.stored, published.stored - was.stored, 'every stored event was published')
    assert.equal(receipt.dead_lettered, published.dead_lettered - was.dead_lettered, 'every dead letter was published')
    const outcomes = receipt.stored + receipt.dropped + receipt.dead_lettered
    assert.ok(outcomes >= receipt.records && receipt.records >= batch.length, JSON.stringify(receipt))
  }
}

async function intakeOf(definition: FormatDefinition) {
  const bus = createMemoryBus({ max_messages: 10_000, max_batch: 1_000, log })
  const published = { stored: 0, dead_lettered: 0 }
  await bus.subscribe('under_test', ['weir.events', 'weir.coverage', 'weir.dead_letters'], async (batch: Batch) => {
    for (const { value } of batch.messages) assert.deepEqual(validate(value), [])
    published[batch.topic === 'weir.dead_letters' ? 'dead_lettered' : 'stored'] += batch.messages.length
  })
  const format = definition.create(definition.config.parse(definition.example))
  const intake = createIntake({
    bus,
    formats: new Map([[definition.name, { definition, format }]]),
    metrics: createMetrics(),
    max_record_length: 1_000_000,
    now: () => Date.UTC(2026, 0, 1),
  })
  return { intake, published }
}

function parsed(record: string | object): unknown {
  if (typeof record !== 'string') return record
  try {
    return JSON.parse(record)
  } catch {
    return undefined
  }
}

test('every file beside a registry that defines a component is in its list', () => {
  for (const { folder, registry } of registries) {
    const place = join(packageRoot, folder)
    const snake = readdirSync(place)
      .map((entry) => (statSync(join(place, entry)).isDirectory() ? entry : entry.replace(/\.ts$/, '')))
      .filter((name) => name.includes('_') && SNAKE_CASE.test(name))
    for (const name of snake) assert.equal(registry.find(name).name, name, `${folder}/${name}`)
  }
})
