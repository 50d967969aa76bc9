import protobuf from 'protobufjs/light.js'

type Field = { id: number; type: string; rule?: 'repeated'; options?: { proto3_optional: true } }
type Message = { fields: { [name: string]: Field }; oneofs: { [name: string]: { oneof: string[] } } }

/** `name: 'type id'`, with `[]` behind a repeated type and `?` behind one whose presence counts, also that of a 0. */
function message(fields: { readonly [name: string]: string }): Message {
  const result: Message = { fields: {}, oneofs: {} }
  for (const [name, notation] of Object.entries(fields)) {
    const [type = '', id] = notation.split(' ')
    const isOptional = type.endsWith('?')
    result.fields[name] = {
      id: Number(id),
      type: type.replace(/\[\]|\?/, ''),
      ...(type.endsWith('[]') ? { rule: 'repeated' as const } : {}),
      ...(isOptional ? { options: { proto3_optional: true as const } } : {}),
    }
    if (isOptional) result.oneofs[`_${name}`] = { oneof: [name] }
  }
  return result
}

/** The messages of OTLP 1.x for logs and metrics, under the names that its JSON has. Exemplars and buckets are not read. */
const root = protobuf.Root.fromJSON({
  nested: {
    AnyValue: {
      ...message({
        stringValue: 'string 1',
        boolValue: 'bool 2',
        intValue: 'int64 3',
        doubleValue: 'double 4',
        arrayValue: 'ArrayValue 5',
        kvlistValue: 'KeyValueList 6',
        bytesValue: 'bytes 7',
      }),
      oneofs: {
        value: {
          oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue', 'bytesValue'],
        },
      },
    },
    ArrayValue: message({ values: 'AnyValue[] 1' }),
    KeyValueList: message({ values: 'KeyValue[] 1' }),
    KeyValue: message({ key: 'string 1', value: 'AnyValue 2' }),
    Scope: message({ name: 'string 1', version: 'string 2', attributes: 'KeyValue[] 3' }),
    Resource: message({ attributes: 'KeyValue[] 1' }),
    LogsRequest: message({ resourceLogs: 'ResourceLogs[] 1' }),
    ResourceLogs: message({ resource: 'Resource 1', scopeLogs: 'ScopeLogs[] 2' }),
    ScopeLogs: message({ scope: 'Scope 1', logRecords: 'LogRecord[] 2' }),
    LogRecord: message({
      timeUnixNano: 'fixed64 1',
      severityNumber: 'int32 2',
      severityText: 'string 3',
      body: 'AnyValue 5',
      attributes: 'KeyValue[] 6',
      droppedAttributesCount: 'uint32 7',
      flags: 'fixed32 8',
      traceId: 'bytes 9',
      spanId: 'bytes 10',
      observedTimeUnixNano: 'fixed64 11',
      eventName: 'string 12',
    }),
    MetricsRequest: message({ resourceMetrics: 'ResourceMetrics[] 1' }),
    ResourceMetrics: message({ resource: 'Resource 1', scopeMetrics: 'ScopeMetrics[] 2' }),
    ScopeMetrics: message({ scope: 'Scope 1', metrics: 'Metric[] 2' }),
    Metric: message({
      name: 'string 1',
      description: 'string 2',
      unit: 'string 3',
      gauge: 'Numbers 5',
      sum: 'Numbers 7',
      histogram: 'Histogram 9',
      exponentialHistogram: 'ExponentialHistogram 10',
      summary: 'Summary 11',
    }),
    Numbers: message({
      dataPoints: 'NumberDataPoint[] 1',
      aggregationTemporality: 'int32 2',
      isMonotonic: 'bool 3',
    }),
    NumberDataPoint: {
      ...message({
        startTimeUnixNano: 'fixed64 2',
        timeUnixNano: 'fixed64 3',
        asDouble: 'double 4',
        asInt: 'sfixed64 6',
        attributes: 'KeyValue[] 7',
        flags: 'uint32 8',
      }),
      oneofs: { value: { oneof: ['asDouble', 'asInt'] } },
    },
    Histogram: message({ dataPoints: 'HistogramDataPoint[] 1', aggregationTemporality: 'int32 2' }),
    HistogramDataPoint: message({
      startTimeUnixNano: 'fixed64 2',
      timeUnixNano: 'fixed64 3',
      count: 'fixed64 4',
      sum: 'double? 5',
      attributes: 'KeyValue[] 9',
      flags: 'uint32 10',
      min: 'double? 11',
      max: 'double? 12',
    }),
    ExponentialHistogram: message({
      dataPoints: 'ExponentialHistogramDataPoint[] 1',
      aggregationTemporality: 'int32 2',
    }),
    ExponentialHistogramDataPoint: message({
      attributes: 'KeyValue[] 1',
      startTimeUnixNano: 'fixed64 2',
      timeUnixNano: 'fixed64 3',
      count: 'fixed64 4',
      sum: 'double? 5',
      flags: 'uint32 10',
      min: 'double? 12',
      max: 'double? 13',
    }),
    Summary: message({ dataPoints: 'SummaryDataPoint[] 1' }),
    SummaryDataPoint: message({
      startTimeUnixNano: 'fixed64 2',
      timeUnixNano: 'fixed64 3',
      count: 'fixed64 4',
      sum: 'double 5',
      quantileValues: 'ValueAtQuantile[] 6',
      attributes: 'KeyValue[] 7',
      flags: 'uint32 8',
    }),
    ValueAtQuantile: message({ quantile: 'double 1', value: 'double 2' }),
    LogsResponse: message({ partialSuccess: 'LogsPartialSuccess 1' }),
    LogsPartialSuccess: message({ rejectedLogRecords: 'int64 1', errorMessage: 'string 2' }),
    MetricsResponse: message({ partialSuccess: 'MetricsPartialSuccess 1' }),
    MetricsPartialSuccess: message({ rejectedDataPoints: 'int64 1', errorMessage: 'string 2' }),
    Status: message({ code: 'int32 1', message: 'string 2' }),
  },
})

/** What an OpenTelemetry exporter sends to one address. */
export type OtlpSignal = 'logs' | 'metrics'

const REQUESTS = { logs: root.lookupType('LogsRequest'), metrics: root.lookupType('MetricsRequest') }
const RESPONSES = { logs: root.lookupType('LogsResponse'), metrics: root.lookupType('MetricsResponse') }
const STATUS = root.lookupType('Status')

/** An export request as the object that its JSON would be. Throws if the bytes are none. */
export function decodeOtlp(signal: OtlpSignal, bytes: Uint8Array): { [key: string]: unknown } {
  const type = REQUESTS[signal]
  const request = type.toObject(type.decode(bytes), { longs: String, bytes: String })
  for (const entry of request.resourceLogs ?? []) {
    for (const { logRecords = [] } of entry.scopeLogs ?? []) {
      for (const record of logRecords) {
        // Ids are hexadecimal in JSON.
        for (const key of ['traceId', 'spanId']) {
          if (record[key]) record[key] = Buffer.from(record[key], 'base64').toString('hex')
        }
      }
    }
  }
  return request
}

/** The answer to an export request. */
export function encodeOtlpAnswer(signal: OtlpSignal, answer: object): Uint8Array {
  return RESPONSES[signal].encode(RESPONSES[signal].fromObject(answer)).finish()
}

/** google.rpc.Status, which the answer of a refused request is. */
export function encodeOtlpStatus(status: { code: number; message: string }): Uint8Array {
  return STATUS.encode(STATUS.fromObject(status)).finish()
}

/** An export request in protobuf, for tests. */
export function encodeOtlp(signal: OtlpSignal, request: object): Uint8Array {
  return REQUESTS[signal].encode(REQUESTS[signal].fromObject(request)).finish()
}
