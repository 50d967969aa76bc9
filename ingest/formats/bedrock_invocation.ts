import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { awsCloud, awsTimeOf, badTime } from './aws.js'
import { delivered, jsonIn, withRest } from './aws-delivery.js'
import { type Identity, identityOf } from './cloudtrail-identity.js'
import { workloadOf } from './cloudtrail-workload.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'

const MAPPING = `
Model invocation logs of Amazon Bedrock, from S3 or a CloudWatch Logs subscription. Prompts and answers are kept as they are logged.
# API Activity 6003
timestamp | time
operation | api.operation, activity_name | InvokeModel, Converse and their streams.
requestId | api.request.uid
input.inputBodyJson, input.inputBodyS3Path | api.request.data
output.outputBodyJson, output.outputBodyS3Path | api.response.data
errorCode | status_id, status_code, api.response.error
identity.arn | actor.user.uid, actor.user.name, workload | The role; its session where that is an instance.
modelId | ai_model.uid, ai_model.name, ai_model.ai_provider, resources[].uid, resources[].name
input.inputTokenCount, output.outputTokenCount | message_context.prompt_tokens, message_context.completion_tokens, message_context.total_tokens | Also from the answer's \`usage\`.
output.outputBodyJson.metrics.latencyMs | duration
stopReason, amazon-bedrock-guardrailAction | action_id, disposition_id, is_alert, status_detail | A guardrail that intervened: Denied, Blocked.
accountId, region, inferenceRegion | cloud.account.uid, cloud.region, dst_endpoint.location.region
schemaType, schemaVersion | metadata.log_name, metadata.log_version
`

/** Calls of language models in Amazon Bedrock. */
export const bedrockInvocation = defineFormat({
  name: 'bedrock_invocation',
  summary: 'Amazon Bedrock model invocation logs as API activity: who asked which model, tokens, guardrails',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const [inner] = delivered(record, isInvocation) ?? [record]
    return isObject(opened(inner)) && isInvocation(opened(inner) as JsonRecord) ? 0.95 : 0
  },
  split: (record) => delivered(record, isInvocation),
  create: () => (record) => {
    const value = opened(record)
    if (!isObject(value)) return reject('not_bedrock', `expected an object with modelId, found ${kindOf(value)}`)
    const fields = new Fields(value, '')
    const outcome = draftOf(fields)
    if (outcome.kind !== 'ok') return outcome
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
    return ok([outcome.value])
  },
})

function isInvocation(record: JsonRecord): boolean {
  return record.schemaType === 'ModelInvocationLog' || (typeof record.modelId === 'string' && isObject(record.identity))
}

/** CloudWatch Logs carries a record as the text of a log event. */
function opened(record: unknown): unknown {
  if (!isObject(record) || isInvocation(record) || typeof record.message !== 'string') return record
  return withRest(jsonIn(record.message), record, 'message')
}

function draftOf(fields: Fields): Outcome<EventDraft> {
  const operation = fields.text('operation')
  const model = fields.text('modelId')
  if (model === undefined) return reject('not_bedrock', fields.lacks('modelId'))
  const original_time = fields.text('timestamp')
  const time = awsTimeOf(fields, 'timestamp')
  const refusal = badTime(fields, 'timestamp', time)
  if (refusal) return refusal
  const place = { account: fields.text('accountId'), region: fields.text('region') }
  const identity = callerOf(fields, place.account)
  const input = fields.object('input')
  const output = fields.object('output')
  const asked = input?.any('inputBodyJson') ?? input?.any('inputBodyS3Path')
  const answer = output?.any('outputBodyJson') ?? output?.any('outputBodyS3Path')
  const error = fields.text('errorCode')
  const stopped = guardrailOf(answer)
  const workload = workloadOf(
    {
      identity,
      service: SERVICE,
      user_agent: undefined,
      source_address: undefined,
      ...place,
      request: {},
      response: {},
    },
    () => false,
  )
  const latency = isObject(answer) && isObject(answer.metrics) ? answer.metrics.latencyMs : undefined
  const draft: EventDraft = {
    class_uid: CLASS.api_activity,
    activity_id: 99,
    activity_name: operation ?? 'InvokeModel',
    severity_id: 1,
    status_id: error === undefined ? 1 : 2,
    actor: identity.actor,
    api: {
      operation: operation ?? 'InvokeModel',
      service: { name: SERVICE },
      request: defined({ uid: fields.text('requestId') ?? 'unknown', data: asked }),
      response: defined({ data: answer, error }),
    },
    cloud: awsCloud(place),
    src_endpoint: { name: 'unknown' },
    dst_endpoint: defined({ svc_name: SERVICE, location: regionOf(fields.text('inferenceRegion')) }),
    ai_model: modelOf(model),
    resources: [
      { uid: model, name: modelOf(model).name, type: 'AWS::Bedrock::FoundationModel', role_id: 1, role: 'Target' },
    ],
    metadata: defined({
      product: { name: 'Bedrock', vendor_name: 'AWS' },
      profiles: ['cloud', 'ai_operation', ...(stopped === undefined ? [] : ['security_control'])],
      log_name: fields.text('schemaType'),
      log_version: fields.text('schemaVersion'),
      original_time,
    }),
  }
  if (time !== undefined) draft.time = time
  if (error !== undefined) draft.status_code = error
  if (stopped !== undefined) {
    Object.assign(draft, { ...BLOCKED, status_detail: stopped })
  }
  if (workload !== undefined) draft.workload = workload
  if (typeof latency === 'number' && Number.isInteger(latency) && latency >= 0) draft.duration = latency
  const tokens = tokensOf(input, output, answer)
  if (tokens !== undefined) draft.message_context = tokens
  return ok(draft)
}

const SERVICE = 'bedrock.amazonaws.com'
const BLOCKED = { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked', is_alert: true }

/** The log has no more of the caller than an ARN. */
function callerOf(fields: Fields, accountId: string | undefined): Identity {
  const arn = fields.object('identity')?.text('arn')
  const type = arn?.includes(':assumed-role/') ? 'AssumedRole' : arn?.includes(':user/') ? 'IAMUser' : undefined
  return identityOf(new Fields({ userIdentity: defined({ type, arn, accountId }) }, ''))
}

function regionOf(region: string | undefined): JsonRecord | undefined {
  return region === undefined ? undefined : { region }
}

/** `us.anthropic.claude-3-haiku-20240307-v1:0`, or the ARN of a model or inference profile that ends so. */
function modelOf(id: string) {
  const name = id.slice(id.lastIndexOf('/') + 1) || id
  const provider = /^(?:(?:us|eu|apac|us-gov|global)\.)?([a-z0-9-]{1,64})\./.exec(name)?.[1]
  return { ai_provider: provider ?? 'Amazon Bedrock', name, uid: id }
}

/** Why a guardrail let a question or an answer not through; undefined if none did. */
function guardrailOf(answer: unknown): string | undefined {
  if (!isObject(answer)) return undefined
  if (answer.stopReason === 'guardrail_intervened') return 'guardrail_intervened'
  if (answer['amazon-bedrock-guardrailAction'] !== 'INTERVENED') return undefined
  const trace = answer['amazon-bedrock-trace']
  const reason = isObject(trace) && isObject(trace.guardrail) ? trace.guardrail.actionReason : undefined
  return typeof reason === 'string' && reason !== '' ? reason : 'INTERVENED'
}

function tokensOf(input: Fields | undefined, output: Fields | undefined, answer: unknown): JsonRecord | undefined {
  const usage = isObject(answer) && isObject(answer.usage) ? answer.usage : {}
  const prompt_tokens = countOf(input?.number('inputTokenCount') ?? usage.inputTokens ?? usage.input_tokens)
  const completion_tokens = countOf(output?.number('outputTokenCount') ?? usage.outputTokens ?? usage.output_tokens)
  if (prompt_tokens === undefined && completion_tokens === undefined) return undefined
  const total_tokens = countOf(usage.totalTokens ?? (prompt_tokens ?? 0) + (completion_tokens ?? 0))
  return defined({ prompt_tokens, completion_tokens, total_tokens, ai_role_id: 2, service: { name: SERVICE } })
}

/** OCSF integers have 32 bits. */
function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31 ? value : undefined
}
