import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { awsCloud } from './aws.js'
import { defined, type Fields, type JsonRecord } from './fields.js'

/**
 * A CloudTrail Insights event: an unusual rate of calls or of errors, when it begins and when it ends. AWS found it, so
 * it is a Detection Finding; both events of one insight share their id.
 */
export function insightDraft(record: Fields, time: number | undefined, original_time: string | undefined): EventDraft {
  const details = record.object('insightDetails')
  const state = details?.text('state')
  const service = details?.text('eventSource')
  const operation = details?.text('eventName')
  const type = details?.text('insightType') ?? 'Insight'
  const error = details?.text('errorCode')
  const context = details?.object('insightContext')
  const statistics = context?.object('statistics')
  const duration = statistics?.number('insightDuration')
  const numbers: JsonRecord = {}
  for (const key of ['baseline', 'insight']) {
    const average = statistics?.object(key)?.number('average')
    if (average !== undefined) numbers[`${key}_average`] = average
  }
  const uid = record.text('sharedEventID') ?? record.text('eventID') ?? 'unknown'
  const id = record.text('eventID')
  const version = record.text('eventVersion')
  const code = record.text('eventType')
  const category = record.text('eventCategory')
  const account = record.text('recipientAccountId')
  const about = `${operation ?? 'calls'}${service === undefined ? '' : ` of ${service}`}`
  const title = `${type}: ${about}${error === undefined ? '' : ` failing with ${error}`}`
  const ended = state === 'End'
  const minutes = duration === undefined || !Number.isInteger(duration) || duration < 0 ? undefined : duration
  return defined({
    class_uid: CLASS.detection_finding,
    activity_id: ended ? 3 : 1,
    severity_id: 3,
    status_id: ended ? 4 : 1,
    is_alert: true,
    time,
    message: title,
    duration: minutes === undefined || minutes > 50_000 ? undefined : minutes * 60_000,
    finding_info: {
      uid,
      title,
      types: [type],
      analytic: { name: type, uid: type, type_id: 3, type: 'Statistical' },
    },
    evidences:
      operation === undefined
        ? undefined
        : [
            defined({
              api: defined({
                operation,
                service: service === undefined ? undefined : { name: service },
                response: error === undefined ? undefined : { error },
              }),
              data: Object.keys(numbers).length === 0 ? undefined : numbers,
            }),
          ],
    cloud: awsCloud({ account, region: record.text('awsRegion') }),
    metadata: defined({
      product: defined({
        name: 'CloudTrail',
        vendor_name: 'AWS',
        version,
        feature: { name: category ?? 'Insight' },
      }),
      profiles: ['cloud'],
      log_name: 'cloudtrail',
      uid: id,
      event_code: code,
      correlation_uid: uid,
      original_time,
    }),
  }) as EventDraft
}
