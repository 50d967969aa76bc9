import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { parseConfig } from './config.js'
import { WeirError } from './errors.js'

const schema = z.strictObject({
  lake: z.strictObject({ path: z.string(), ttl_days: z.number().int().min(1) }),
  token: z.string().optional(),
})
const parse = (text: string, env = {}) => parseConfig(text, schema, { file: 'weir.yaml', env })

function failure(text: string): string {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof WeirError && error.code === 'config_invalid')
    return error.message
  }
  return assert.fail('no error')
}

test('every problem is reported at once, with file, line, path, what was found and what was expected', () => {
  const message = failure('lake:\n  path: 7\n  ttl_days: 0\n  colour: red\n')
  assert.match(message, /^3 problems in the configuration/)
  assert.match(message, /weir\.yaml:2 {2}lake\.path: expected string, received number \(found 7\)/)
  assert.match(message, /weir\.yaml:3 {2}lake\.ttl_days: .*\(found 0\)/)
  assert.match(message, /weir\.yaml:\d {2}lake: unknown field "colour"/)
})

test('environment variables are substituted in strings, and a missing one is named with its line', () => {
  const text = 'lake: { path: "${HOME_DIR}/lake", ttl_days: 3 }\ntoken: "a$${b}"\n'
  assert.deepEqual(parse(text, { HOME_DIR: '/srv' }), { lake: { path: '/srv/lake', ttl_days: 3 }, token: 'a${b}' })
  assert.match(failure(text), /weir\.yaml:1 {2}lake\.path: environment variable HOME_DIR is not set/)
})

test('broken YAML names its line', () => {
  assert.match(failure('lake: {\n  path: x\n'), /weir\.yaml:\d/)
})
