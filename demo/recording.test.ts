import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { RECORDING, readRecording, record } from './recording.js'

test('the committed recording is what the scene gives; if not: node dist/scripts/record-demo.js', () => {
  const committed = gunzipSync(readFileSync(join(packageRoot, RECORDING))).toString('utf8')
  assert.ok(committed === record(), `${RECORDING} is stale`)
})

test('a recording is a day and an attack after it, each in the order of arrival', () => {
  const { normal, attack } = readRecording()
  const times = [...normal, ...attack].map(({ time }) => time)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.ok(normal.length > 10_000 && attack.length > 100)
})
