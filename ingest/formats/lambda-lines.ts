import type { JsonRecord } from './fields.js'

/** A line that Lambda or a function wrote, as the record it stands for. */
export type LambdaLine =
  /** One of Lambda's own lines: `START RequestId: ...` is `platform.start`. */
  | { readonly kind: 'platform'; readonly type: string; readonly record: JsonRecord }
  /** A line of the function's code. */
  | {
      readonly kind: 'log'
      readonly message: string
      readonly level: string | undefined
      readonly request_id: string | undefined
      readonly time: string | undefined
      readonly error: string | undefined
    }

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z$/
const LEVEL = /^\[?(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\]?:?$/i

/** Reads a line: platform lines by their first word, others with the prefixes of the runtimes taken off. */
export function lambdaLine(text: string): LambdaLine {
  const head = text.slice(0, 2_048)
  return platformLine(head) ?? codeLine(text)
}

function platformLine(text: string): LambdaLine | undefined {
  const word =
    /^(START|END|REPORT|INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|EXTENSION|TELEMETRY|LOGS)\b/.exec(text)?.[1]
  const facts = word === undefined ? undefined : factsOf(text.slice(word.length))
  if (word === undefined || facts === undefined) return undefined
  const requestId = facts.RequestId
  switch (word) {
    case 'START':
      return requestId === undefined ? undefined : platform('start', { requestId, version: facts.Version })
    case 'END':
      return requestId === undefined ? undefined : platform('end', { requestId })
    case 'REPORT':
      return requestId === undefined
        ? undefined
        : platform('report', {
            requestId,
            status: facts.Status ?? 'success',
            errorType: facts['Error Type'],
            metrics: metricsOf(facts),
            tracing:
              facts['XRAY TraceId'] === undefined
                ? undefined
                : { type: 'X-Amzn-Trace-Id', value: `Root=${facts['XRAY TraceId']}`, spanId: facts.SegmentId },
          })
    case 'INIT_START':
      return platform('initStart', {
        runtimeVersion: facts['Runtime Version'],
        runtimeVersionArn: facts['Runtime Version ARN'],
      })
    case 'RESTORE_START':
      return platform('restoreStart', {
        runtimeVersion: facts['Runtime Version'],
        runtimeVersionArn: facts['Runtime Version ARN'],
      })
    case 'INIT_REPORT':
    case 'RESTORE_REPORT':
      return platform(word === 'INIT_REPORT' ? 'initReport' : 'restoreReport', {
        phase: facts.Phase,
        status: facts.Status,
        errorType: facts['Error Type'],
        metrics: metricsOf(facts),
      })
    case 'EXTENSION':
      return platform('extension', { name: facts.Name, state: facts.State, events: facts.Events })
    default:
      return platform('telemetrySubscription', { name: facts.Name, state: facts.State, types: [facts.Types ?? ''] })
  }
}

function platform(type: string, record: { [key: string]: unknown }): LambdaLine {
  const kept: JsonRecord = {}
  for (const key of Object.keys(record)) if (record[key] !== undefined) kept[key] = record[key]
  return { kind: 'platform', type, record: kept }
}

/** `RequestId: x Version: 7`, `Duration: 1.2 ms<tab>Billed Duration: 2 ms<tab>...`: names and values. */
function factsOf(text: string): { [name: string]: string } | undefined {
  const facts: { [name: string]: string } = Object.create(null)
  const parts = text.includes('\t') ? text.split('\t', 40) : text.split(/ (?=[A-Z][A-Za-z]* ?[A-Za-z]*: )/, 40)
  for (const part of parts) {
    const cut = part.indexOf(': ')
    if (cut < 1) continue
    facts[part.slice(0, cut).trim()] = part.slice(cut + 2).trim()
  }
  return Object.keys(facts).length === 0 ? undefined : facts
}

const REPORTED: { readonly [name: string]: string } = {
  Duration: 'durationMs',
  'Billed Duration': 'billedDurationMs',
  'Memory Size': 'memorySizeMB',
  'Max Memory Used': 'maxMemoryUsedMB',
  'Init Duration': 'initDurationMs',
  'Restore Duration': 'restoreDurationMs',
  'Billed Restore Duration': 'billedRestoreDurationMs',
}

function metricsOf(facts: { [name: string]: string }): JsonRecord {
  const metrics: JsonRecord = {}
  for (const name of Object.keys(REPORTED)) {
    const value = Number.parseFloat(facts[name] ?? '')
    if (Number.isFinite(value)) metrics[REPORTED[name] as string] = value
  }
  return metrics
}

/**
 * Node.js writes `time<tab>request<tab>LEVEL<tab>message`, Python `[LEVEL]<tab>time<tab>request<tab>message`, the
 * platform `time request Task timed out after 3.00 seconds`.
 */
function codeLine(text: string): LambdaLine {
  const timeout = /^(\S{20,30}) ([0-9a-f-]{36}) (Task timed out after .{1,40})$/.exec(text.slice(0, 200).trimEnd())
  if (timeout) {
    const [, time, request_id, message = ''] = timeout
    return { kind: 'log', message, level: 'ERROR', request_id, time, error: 'timeout' }
  }
  const failed = /^RequestId: ([0-9a-f-]{36}) (?:Process exited|Error:|Runtime)/.exec(text.slice(0, 200))
  if (failed)
    return {
      kind: 'log',
      message: text,
      level: 'ERROR',
      request_id: failed[1],
      time: undefined,
      error: 'Runtime.ExitError',
    }
  let rest = text
  let level: string | undefined
  let request_id: string | undefined
  let time: string | undefined
  for (let n = 0; n < 3; n++) {
    const tab = rest.indexOf('\t')
    const cell = tab < 0 ? '' : rest.slice(0, tab)
    if (cell.length === 0 || cell.length > 40) break
    if (time === undefined && TIME.test(cell)) time = cell
    else if (request_id === undefined && (ID.test(cell) || cell === 'undefined')) {
      request_id = cell === 'undefined' ? undefined : cell
    } else if (level === undefined && LEVEL.test(cell)) level = LEVEL.exec(cell)?.[1]
    else break
    rest = rest.slice(tab + 1)
  }
  if (level === undefined) {
    const word = /^\[(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\]\s/i.exec(rest.slice(0, 16))
    if (word) level = word[1]
  }
  return { kind: 'log', message: rest.trimEnd(), level, request_id, time, error: undefined }
}
