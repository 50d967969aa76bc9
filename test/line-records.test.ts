import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../bus/port.js'
import { createMetrics } from '../core/metrics.js'
import type { FormatDefinition, RawRecord } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake } from '../ingest/intake.js'
import { dataOf, lineSplitter } from '../ingest/lines.js'
import { caseConfig, fixtureCases, fixtureFiles } from './format-cases.js'

/** What the intake publishes of these records, three times over: the second time their shapes are known. */
async function published(definition: FormatDefinition, records: readonly RawRecord[]): Promise<Message[]> {
  const messages: Message[] = []
  const bus = { publish: async (_topic: string, some: readonly Message[]) => void messages.push(...some) }
  const format = definition.create(definition.config.parse(caseConfig(definition)) as never)
  const intake = createIntake({
    bus,
    formats: new Map([[definition.name, { definition, format }]]),
    metrics: createMetrics(),
    max_record_length: 8_000,
    now: () => 1_790_000_000_000,
  })
  for (let round = 0; round < 3; round++) await intake.emit('test', definition.name, records)
  return messages
}

for (const definition of formats.all) {
  test(`${definition.name}: a record that comes as a line becomes what it becomes as text`, async () => {
    const texts = fixtureFiles(definition.name)
      .flatMap(fixtureCases)
      .map(({ record }) => (typeof record === 'string' ? record : JSON.stringify(record)))
      .filter((text) => !String(text).includes('\n'))
    texts.push('{"a":1', '', '{"text":"\\ud800"}', `{"long":"${'x'.repeat(9_000)}"}`, 'plain text')
    const lines = lineSplitter(1_000_000).push(Buffer.from(texts.map((text) => `${text}\n`).join('')))
    const as_lines = await published(
      definition,
      lines.map((line) => ({ data: dataOf(line, definition) })),
    )
    const as_texts = await published(
      definition,
      lines.map(({ text }) => ({ data: text })),
    )
    assert.ok(as_texts.length > 0)
    assert.deepEqual(as_lines, as_texts)
    assert.equal(JSON.stringify(as_lines), JSON.stringify(as_texts))
  })
}
