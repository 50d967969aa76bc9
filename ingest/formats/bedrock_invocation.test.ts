import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { bedrockInvocation } from './bedrock_invocation.js'

const given = (name: string) => fixtureCase('bedrock_invocation/records.jsonl', name)
const convert = (name: string) => eventOf(bedrockInvocation, given(name))

test('a call: model, tokens, duration, who asked', () => {
  const event = convert('a function asks')
  assert.deepEqual(event.ai_model, {
    ai_provider: 'anthropic',
    name: 'anthropic.claude-3-haiku-20240307-v1:0',
    uid: 'anthropic.claude-3-haiku-20240307-v1:0',
  })
  assert.deepEqual([event.message_context.prompt_tokens, event.message_context.total_tokens], [12, 16])
  assert.equal(event.duration, 249)
  assert.equal(event.actor.session.uid, 'orders')
  assert.equal(event.api.request.data.messages[0].content[0].text, 'Which order is late?')
})

test('a guardrail that intervened is a denial; a refused call has its error', () => {
  const blocked = convert('a guardrail intervened')
  assert.deepEqual([blocked.action, blocked.disposition, blocked.is_alert], ['Denied', 'Blocked', true])
  assert.equal(blocked.status_detail, 'Guardrail blocked.')
  const refused = convert('refused')
  assert.deepEqual([refused.status, refused.status_code], ['Failure', 'AccessDeniedException'])
})

test('an inference profile: its provider, and where the model ran', () => {
  const event = convert('an instance in another region')
  assert.equal(event.ai_model.ai_provider, 'amazon')
  assert.equal(event.dst_endpoint.location.region, 'eu-west-1')
  assert.equal(event.api.request.data, 's3://logs/big/1.json.gz')
})

test('a wrong value costs its field; what is no record is refused', () => {
  const record = given('a function asks')
  assert.match(refusalOf(bedrockInvocation, { ...record, modelId: {} }), /^not_bedrock: modelId/)
  assert.match(refusalOf(bedrockInvocation, { ...record, timestamp: 'soon' }), /^bad_time: timestamp/)
  assert.deepEqual(unmappedOf(bedrockInvocation, { ...record, region: { a: 1 } }).region, { a: 1 })
})

const shared = corpusOf('bedrock_invocation', ['parser-corpus/aws_other_s3_waf_alb_dns.jsonl'])
test('all records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(bedrockInvocation, shared ?? [])
  assert.ok(report.events >= 3)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
