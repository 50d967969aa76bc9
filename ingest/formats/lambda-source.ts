import type { EventDraft, Metadata, Workload } from '../../ocsf/event.js'
import { type AwsPlace, arnOf, arnWorkload, awsCloud, lambdaWorkload } from './aws.js'
import { defined, type JsonRecord } from './fields.js'

/** What is known about the function that a record is from. */
export type FunctionFacts = {
  arn?: string | undefined
  name?: string | undefined
  version?: string | undefined
  account?: string | undefined
  region?: string | undefined
  /** The execution environment: the log stream or instance id. */
  instance?: string | undefined
}

/** What all events of one record share. */
export type LambdaSource = {
  readonly facts: FunctionFacts
  readonly workload: Workload | undefined
  /** OCSF product that the function is as an application. */
  readonly app: JsonRecord
  /** Attributes of the event: time, cloud, workload, metadata. */
  readonly common: Pick<EventDraft, 'time' | 'metadata'> & JsonRecord
}

/** Puts together who speaks. `request_id` ties the records of one invocation together. */
export function lambdaSource(
  facts: FunctionFacts,
  options: {
    time: number | undefined
    request_id: string | undefined
    log_name: string
    uid?: string | undefined
    original_time?: string | undefined
    extra?: Partial<Metadata> | undefined
  },
): LambdaSource {
  const arn = arnOf(facts.arn)
  const place: AwsPlace = { account: arn?.account ?? facts.account, region: arn?.region ?? facts.region }
  const named = facts.name === undefined ? undefined : lambdaWorkload(facts.name, place, facts.version)
  const workload = withVersion(arnWorkload(facts.arn, place), facts) ?? named
  const name = facts.name ?? workload?.name
  const app = defined({
    name: name ?? 'AWS Lambda function',
    uid: facts.arn,
    version: facts.version,
    vendor_name: 'AWS Lambda',
  })
  const metadata = defined({
    product: { name: 'Lambda', vendor_name: 'AWS' },
    profiles: ['cloud'],
    log_name: options.log_name,
    log_source: facts.instance,
    correlation_uid: options.request_id,
    uid: options.uid,
    original_time: options.original_time,
    ...options.extra,
  }) as Partial<Metadata>
  return {
    facts,
    workload,
    app,
    common: defined({ time: options.time, cloud: awsCloud(place), workload, metadata }) as LambdaSource['common'],
  }
}

/** The version that is told beside an ARN without one. */
function withVersion(workload: Workload | undefined, { version }: FunctionFacts): Workload | undefined {
  if (workload === undefined || workload.version !== undefined || version === undefined) return workload
  const { account, region, name } = workload
  return lambdaWorkload(name, { account, region }, version)
}
