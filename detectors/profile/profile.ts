import { z } from 'zod'
import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import { defineDetector, type FindingDraft } from '../contract.js'
import { fileKeeper, sharedKeeper } from './keeper.js'
import { createMemory, type Judgement, type Memory } from './memory.js'
import { groupOf, type Kind, type Observation, observe } from './observe.js'

const hour_ms = 3_600_000
const save_every_ms = 10 * 60_000
/** Saved sooner after so many events, because a restart reads them again; a large profile after more. */
const save_every_events = 20_000
const events_per_saved_char = 0.1

const config = z.strictObject({
  learning_period_ms: z
    .number()
    .int()
    .positive()
    .default(24 * hour_ms)
    .describe('How long a group of alike workloads is watched before it is judged, in ms of event time.'),
  min_events: z
    .number()
    .int()
    .positive()
    .default(20)
    .describe(
      'Events of a class (process, network, API) that a group must have shown before that behaviour is judged.',
    ),
  max_values: z
    .number()
    .int()
    .positive()
    .default(2000)
    .describe(
      'Values remembered of a kind and group (programs, peers ...). A group with more is too varied to be judged.',
    ),
  max_groups: z
    .number()
    .int()
    .positive()
    .default(1000)
    .describe('Groups remembered; the one silent longest is forgotten.'),
})

const plural: { readonly [kind in Kind]: string } = {
  process: 'programs',
  parent: 'pairs of program and parent',
  peer: 'peers',
  client: 'client networks',
  port: 'open ports',
  api_call: 'API calls',
  api_source: 'source networks',
}
const titles: { readonly [kind in Kind]: string } = {
  process: 'Program never seen before',
  parent: 'Program started by another parent than ever',
  peer: 'Connection to a new peer',
  client: 'Connection from a new network',
  port: 'Port never open before',
  api_call: 'API call never made before',
  api_source: 'API calls from a new network',
}
/** Where the first observation is new, the second says nothing more. */
const implied: { readonly [kind in Kind]?: Kind } = { process: 'parent', port: 'client' }

/** Learned allow-lists: what alike workloads never did before. */
export const profile = defineDetector({
  name: 'profile',
  summary: 'First time a workload starts a program, meets a peer, opens a port or makes an API call, after learning',
  family: 'profile',
  needs: { classes: [CLASS.process_activity, CLASS.network_activity, CLASS.api_activity, CLASS.account_change] },
  memory_ms: 24 * hour_ms,
  // A profile is of a group of workloads, which several processes share between them.
  memory_of: 'all',
  config,
  example: { learning_period_ms: 24 * hour_ms },
  async create(options, deps) {
    const memory = createMemory(options)
    const keeper = deps.shared ? sharedKeeper(deps.shared, deps.log) : fileKeeper(deps.state_dir, deps.log)
    let saved_at = Number.NEGATIVE_INFINITY
    let due_events = save_every_events
    const saved_time = await keeper.load(memory)

    function save() {
      const text = memory.save(Date.now())
      keeper.save(text)
      due_events = Math.max(save_every_events, text.length * events_per_saved_char)
    }

    return {
      process(events) {
        due_events -= events.length
        return events.flatMap((event) => judge(memory, event))
      },
      restore: (events) => void events.flatMap((event) => judge(memory, event)),
      remembered: () => saved_time,
      advance(watermark) {
        // What others rely on is saved by the wall clock: that it is old then means that its process has gone.
        const time = deps.shared ? Date.now() : watermark
        if (Number.isFinite(time) && (time >= saved_at + save_every_ms || due_events <= 0)) {
          // The first call comes right after loading; others wait for what was merged then.
          if (saved_at !== Number.NEGATIVE_INFINITY || deps.shared) save()
          saved_at = time
        }
        return []
      },
      coverage() {
        const { groups, learning, full } = memory.state()
        const varied = full === 0 ? '' : `; ${full} kinds of behaviour are too varied to be judged`
        return learning === 0 && full === 0
          ? { status: 'ok', message: `${groups} groups of workloads are known` }
          : {
              status: 'degraded',
              message: `${learning} of ${groups} groups of workloads are still being learned${varied}`,
            }
      },
      settle: () => keeper.settle(),
      async stop() {
        save()
        await keeper.settle()
      },
    }
  },
})

function judge(memory: Memory, event: OcsfEvent): FindingDraft[] {
  const observations = observe(event)
  const group = observations.length === 0 ? undefined : groupOf(event)
  if (group === undefined) return []
  memory.note(group.key, group.name, event.class_uid, event.time)
  const drafts: FindingDraft[] = []
  let skipped: Kind | undefined
  for (const observation of observations) {
    const { kind, value } = observation
    const uid = event.metadata.uid ?? `${event.time}`
    const judgement = memory.judge(group.key, kind, value, { time: event.time, uid })
    if (judgement.kind !== 'new' || kind === skipped) continue
    // The engine of a container knows programs by name only: a known path ends with it.
    if (
      kind === 'process' &&
      !value.includes('/') &&
      memory.knows(group.key, kind, (other) => other.endsWith(`/${value}`))
    )
      continue
    skipped = implied[kind]
    drafts.push(draftOf(event, group.name, observation, judgement))
  }
  return drafts
}

function draftOf(
  event: OcsfEvent,
  group: string,
  { kind, value, says, severity_id, techniques }: Observation,
  { learned, since }: Judgement & { kind: 'new' },
): FindingDraft {
  const rule = `first_seen_${kind}`
  const hours = Math.max(1, Math.round((event.time - since) / hour_ms))
  const who = event.workload?.uid ?? group
  // A stranger tries many calls: they are one story.
  const story = kind === 'api_call' ? String(severity_id) : value
  return {
    rule,
    title: titles[kind],
    reason: `${says} in ${group} in ${hours} h of watching (known ${plural[kind]}: ${learned}).`,
    workload: event.workload,
    severity_id,
    confidence: Math.min(85, 50 + Math.round(10 * Math.log10(1 + hours))),
    techniques,
    evidence: event.metadata.uid === undefined ? [] : [event.metadata.uid],
    time: event.time,
    dedup_key: `${rule}\n${who}\n${story}`,
    details: { group, value, known_values: learned, watched_hours: hours },
  }
}
