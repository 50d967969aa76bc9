import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formats } from '../ingest/formats/index.js'
import { fixtureCases, fixtureFiles, make } from './format-cases.js'

/**
 * What a record cannot do without, by format: what says which kind of record it is, when it happened, whom it is about.
 * A path stands for all below it. Everything else may be of any type, and the record is still read.
 */
const NEEDED: { readonly [format: string]: string } = {
  alb: 'elb timestamp',
  azure_activity: 'operationName operationname eventType data data.operationName operationName.value',
  azure_functions: 'itemType Type request request.[] context data data.baseType data.baseData',
  bedrock_invocation: 'modelId timestamp message',
  cloudevents:
    'specversion id source type data data.class_uid data.category_uid data.type_uid data.activity_id data.time data.severity_id data.metadata data.metadata.version data.metadata.product data.metadata.product.name data.dst_endpoint data.dst_endpoint.ip',
  cloudtrail: 'eventName eventSource',
  cyclonedx: 'bom bom.bomFormat bom.metadata.timestamp vulnerability vulnerability.id',
  defender_hunting: 'ActionType Timestamp TimeGenerated Type',
  docker_events: 'Type Action time timeNano',
  falco: 'rule priority',
  gcp_vpc_flow: 'jsonPayload.connection',
  grype: 'report match match.vulnerability match.vulnerability.id',
  guardduty: 'id type',
  ibm_activity_tracker: '_line action',
  k8s_audit:
    'verb message properties properties.log protoPayload protoPayload.methodName protoPayload.serviceName category logStream',
  kubernetes_objects: 'type object object.apiVersion object.kind object.metadata object.metadata.name',
  lambda_logs: 'timestamp',
  lambda_telemetry: 'time type record function function.account function.arn function.region function.version',
  ndjson: 'type client client.ip client_ip',
  ocsf: 'class_uid category_uid type_uid activity_id time severity_id metadata metadata.version metadata.product metadata.product.name device device.hostname device.type_id actor actor.process actor.process.pid process process.pid finding_info finding_info.uid workload workload.kind workload.uid',
  openwhisk_activation: 'activationId name body body.name body.activationId body.metricName body.metricValue',
  osquery: 'name columns filename unixTime',
  otlp: 'logRecord metric metric.name metric.gauge metric.gauge.dataPoints metric.gauge.dataPoints.[] metric.gauge.dataPoints.[].asInt metric.sum metric.sum.dataPoints metric.histogram metric.histogram.dataPoints metric.histogram.dataPoints.[] metric.summary metric.summary.dataPoints metric.summary.dataPoints.[]',
  route53_resolver: 'query_name query_timestamp query-name last-observed-at',
  s3_access: 'bucket_name requestdatetime',
  security_hub: 'AwsAccountId Id',
  spdx: 'document document.spdxVersion document.creationInfo.created',
  syslog: 'MESSAGE',
  sysmon_linux: 'SyslogMessage',
  tetragon:
    'process_exec process_exec.process process_exit process_exit.process process_kprobe process_kprobe.process process_tracepoint process_tracepoint.process process_uprobe process_uprobe.process process_loader process_loader.process process_lsm process_lsm.process process_throttle rate_limit_info',
  tracee: 'eventName name timestamp Context.timestamp SigMetadata workload',
  trivy:
    'artifact result vulnerability vulnerability.VulnerabilityID misconfiguration misconfiguration.ID secret secret.RuleID',
  waf: 'action httpRequest timestamp',
  wazuh: 'agent decoder integration gcp timestamp _source _source.agent _source.timestamp',
  windows_event:
    'EventID TimeGenerated @timestamp winlog winlog.event_id Event Event.System Event.System.EventID Event.System.Provider Event.System.Provider.#attributes Event.System.Provider.#attributes.Name Event.System.TimeCreated Event.System.TimeCreated.#attributes.SystemTime',
}

/** One of every JSON type, and what exports make of absent, single and numeric values. */
const ODD: readonly unknown[] = [7, 'odd', true, null, '', [], {}, [7], ['odd'], { odd: 1 }, -1.5]

/** The paths of all values in a record. */
function placesOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...placesOf(inner).map((rest) => [key, ...rest])])
}

function replaced(record: object, place: readonly string[], value: unknown): object {
  const copy = structuredClone(record) as { [key: string]: any }
  let node = copy
  for (const key of place.slice(0, -1)) node = node[key]
  node[place.at(-1) as string] = structuredClone(value)
  return copy
}

/** Records of a format's fixtures; those that only Weir's own collectors write have a `kind`. */
function recordsOf(name: string): object[] {
  const definition = formats.find(name)
  return fixtureFiles(name)
    .flatMap((path) => fixtureCases(path))
    .flatMap(({ record }) => (definition.split?.(record) ?? [record]).slice(0, 8))
    .filter((part): part is object => typeof part === 'object' && part !== null)
    .filter((part) => name !== 'docker_events' || !('kind' in part))
    .filter((part) => make(definition, part).outcome.kind === 'ok')
}

for (const definition of formats.all) {
  const records = recordsOf(definition.name)
  if (records.length === 0) continue
  test(`${definition.name}: a field of an odd type costs no record`, () => {
    const needed = new Set(NEEDED[definition.name]?.split(' '))
    // Three of the types for each place, in turn: all of them come to every kind of field.
    let turn = 0
    for (const record of records) {
      for (const place of placesOf(record)) {
        if (needed.has(place.map((key) => (/^\d+$/.test(key) ? '[]' : key)).join('.'))) continue
        for (let n = 0; n < 3; n++) {
          const value = ODD[turn++ % ODD.length]
          const where = `${place.join('.')} = ${JSON.stringify(value)}`
          const { outcome, problems } = make(definition, replaced(record, place, value))
          assert.equal(outcome.kind, 'ok', `${where}: ${JSON.stringify(outcome).slice(0, 300)}`)
          assert.deepEqual(problems, [], where)
        }
      }
    }
  })
}
