import type { Lake } from '../lake/port.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Sighting } from './sightings.js'

/** Findings that matter after a restart: repeats are held back, and families of the last days may still agree. */
const MAX_FINDINGS = 10_000

/**
 * All steps of the responses that are not over or were not a day ago: a limit counts what was done in the last hour, and a
 * finding that comes again has had its answer. What failed half way may keep a workload down for longer, until the same was undone.
 */
export async function recordedResponses(lake: Lake): Promise<OcsfEvent[]> {
  const rows = await lake.select<{ event: string }>(
    `SELECT event FROM responses WHERE response_uid IN (
       SELECT response_uid FROM responses GROUP BY response_uid
       HAVING argMax(state, step) IN ('proposed', 'waiting_approval', 'planned', 'executing', 'verified', 'undoing')
           OR max(time) > now() - toIntervalDay(1)
           OR (argMax(state, step) IN ('failed', 'undone') AND countIf(state = 'executing') > 0
               AND max(time) > now() - toIntervalDay(30)))
     ORDER BY time DESC LIMIT 100000`,
  )
  return rows.map(({ event }) => JSON.parse(event) as OcsfEvent)
}

/**
 * (docs/decisions/0015-unanswered-findings.md) The newest findings, oldest first. Unanswered are those that a crash may have kept from the responder: findings are
 * published one batch at a time, so only the newest can be, and only if nothing was done about their workload since.
 */
export async function recordedFindings(lake: Lake): Promise<{ answered: OcsfEvent[]; unanswered: OcsfEvent[] }> {
  const rows = await lake.select<{ event: string; is_unanswered: number }>(
    `SELECT event,
            findings.ingested_time > (SELECT max(ingested_time) FROM findings) - toIntervalMinute(1)
            AND findings.ingested_time > answers.ingested_time
            AND finding_uid NOT IN (SELECT arrayJoin(findings) FROM responses) AS is_unanswered
     FROM findings
     LEFT JOIN (SELECT workload_uid, max(ingested_time) AS ingested_time FROM responses GROUP BY workload_uid) AS answers
       USING workload_uid
     ORDER BY findings.ingested_time DESC LIMIT ${MAX_FINDINGS}`,
  )
  const events = (is_unanswered: boolean) =>
    rows.filter((row) => (Number(row.is_unanswered) === 1) === is_unanswered).map(({ event }) => JSON.parse(event))
  return { answered: events(false).reverse(), unanswered: events(true).reverse() }
}

/** The workloads that were heard of since (ms since 1970), and when last. */
export async function recordedSightings(lake: Lake, since: number): Promise<({ uid: string } & Sighting)[]> {
  const heard = (table: string) =>
    `SELECT workload_uid, workload_group, workload_kind, max(ingested_time) AS last FROM ${table}
     WHERE ingested_time >= fromUnixTimestamp64Milli({since:Int64}) AND workload_uid != '' GROUP BY ALL`
  const rows = await lake.select<{ uid: string; group: string; kind: Sighting['kind']; last: string }>(
    `SELECT workload_uid AS uid, workload_group AS group, workload_kind AS kind, toUnixTimestamp64Milli(max(last)) AS last
     FROM (${heard('events')} UNION ALL ${heard('metrics')}) GROUP BY uid, group, kind ORDER BY last`,
    { since },
  )
  return rows.map(({ last, ...row }) => ({ ...row, received_time: Number(last) }))
}
