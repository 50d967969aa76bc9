import { drop, type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { metricEvent } from './app-events.js'
import { defined, isObject, type JsonRecord } from './fields.js'
import { nano } from './otlp-logs.js'
import { attributesOf, resourceOf } from './otlp-resource.js'
import { sourceTime } from './source-time.js'

/** The names a metric's data can stand under. */
const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const
/** More of one metric at one time are left out of its event, and counted in it. */
const MAX_MEASURES = 1_000

type Measure = { name: string; value: number; unit?: string }

/** One metric with its resource: an event for each time its data points have. */
export function otlpMetric(record: JsonRecord, metric: JsonRecord): Outcome<EventDraft[]> {
  const { name } = metric
  if (typeof name !== 'string' || name === '') return reject('not_otlp', 'metric.name: required, not found')
  const kind = KINDS.find((key) => isObject(metric[key]))
  const data = kind === undefined ? undefined : (metric[kind] as JsonRecord)
  const points = data?.dataPoints
  if (kind === undefined || !Array.isArray(points)) {
    return reject('not_otlp', `metric: expected one of ${KINDS.join(', ')} with dataPoints`)
  }
  const unit = typeof metric.unit === 'string' && metric.unit !== '' ? metric.unit : undefined
  const byTime = new Map<number | undefined, Measure[]>()
  for (const point of points) {
    if (!isObject(point)) continue
    const when = sourceTime('timeUnixNano', [nano(point.timeUnixNano)])
    if (when.kind !== 'ok') return when
    const measures = byTime.get(when.value.time) ?? []
    byTime.set(when.value.time, measures)
    for (const [suffix, value] of valuesOf(point)) {
      measures.push(
        defined({
          name: labelled(`${name}${suffix}`, point.attributes),
          value,
          unit: suffix === '.count' ? undefined : unit,
        }),
      )
    }
  }
  const drafts: EventDraft[] = []
  for (const [time, measures] of byTime) {
    if (measures.length > 0) drafts.push(eventOf(record, metric, kind, time, measures))
  }
  // Every point says that there is no value, or NaN.
  return drafts.length === 0 ? drop('no_value') : ok(drafts)
}

function eventOf(
  record: JsonRecord,
  metric: JsonRecord,
  kind: string,
  time: number | undefined,
  measures: readonly Measure[],
): EventDraft {
  const resource = resourceOf(record.resource)
  const { app, workload, cloud } = resource
  const draft = metricEvent(
    {
      time,
      workload,
      cloud,
      metadata: defined({
        product: { name: 'OpenTelemetry', vendor_name: 'OpenTelemetry', feature: { name: 'metrics' } },
        profiles: cloud === undefined ? undefined : ['cloud'],
        log_name: isObject(record.scope) && typeof record.scope.name === 'string' ? record.scope.name : undefined,
        event_code: kind,
      }),
    },
    measures.slice(0, MAX_MEASURES),
  )
  const unmapped = resource.fields.rest()
  if (app.name !== 'unknown') unmapped['service.name'] = app.name
  if (typeof metric.description === 'string' && metric.description !== '') unmapped.description = metric.description
  if (measures.length > MAX_MEASURES) unmapped.measures_left_out = measures.length - MAX_MEASURES
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return draft
}

/** The numbers of one data point, with what their names get behind them. */
function valuesOf(point: JsonRecord): (readonly [suffix: string, value: number])[] {
  // DATA_POINT_FLAGS_NO_RECORDED_VALUE
  if (typeof point.flags === 'number' && (point.flags & 1) === 1) return []
  const values: (readonly [string, number])[] = []
  const add = (suffix: string, value: unknown) => {
    if ((typeof value !== 'number' && typeof value !== 'string') || value === '') return
    const number = Number(value)
    if (Number.isFinite(number)) values.push([suffix, number])
  }
  add('', point.asDouble)
  add('', point.asInt)
  for (const key of ['count', 'sum', 'min', 'max']) add(`.${key}`, point[key])
  if (Array.isArray(point.quantileValues)) {
    for (const entry of point.quantileValues.slice(0, 100)) {
      if (isObject(entry) && typeof entry.quantile === 'number') add(`.p${entry.quantile * 100}`, entry.value)
    }
  }
  return values
}

/** `system.cpu.time{cpu=0,state=idle}`: points of one metric are told apart by their attributes. */
function labelled(name: string, attributes: unknown): string {
  const pairs = Object.entries(attributesOf(attributes))
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => `${key}=${String(value).slice(0, 100)}`)
    .sort()
  return pairs.length === 0 ? name : `${name}{${pairs.slice(0, 16).join(',')}}`
}
