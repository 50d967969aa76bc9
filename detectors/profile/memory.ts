import { classOf, type Kind } from './observe.js'

export type LearningOptions = {
  /** Event time that a group is watched before it is judged, ms. */
  readonly learning_period_ms: number
  /** Events of a class that a group must have shown before its behaviour of that class is judged. */
  readonly min_events: number
  /** Values remembered of a kind; a group that shows more is too varied to be judged by it. */
  readonly max_values: number
  /** Groups remembered; the one that was silent longest is forgotten first. */
  readonly max_groups: number
}

/** What is known of one kind of behaviour of one group. */
type Known = {
  /** Value -> uid of the event that showed it first after learning; '' if it was learned. */
  values: Map<string, string>
  /** Event times at which values were new while learning, newest last; only as many as decide completeness. */
  novelties: number[]
  /** Learning is over: what is new from now on is a finding. */
  is_complete: boolean
  is_full: boolean
}

type Group = {
  name: string
  first_time: number
  last_time: number
  /** Events by class, as far as they decide about learning. */
  events: Map<number, number>
  known: Map<Kind, Known>
}

/** Whether a value is new, and compared with what. */
export type Judgement =
  | { readonly kind: 'known' | 'learned' | 'full' }
  | { readonly kind: 'new'; readonly learned: number; readonly since: number }

export type Memory = {
  /** Notes that a group showed an event of a class. Call it once an event, before `judge`. */
  note(key: string, name: string, class_uid: number, time: number): void
  /** Judges a value and remembers it. The same event again gets the same answer. */
  judge(key: string, kind: Kind, value: string, event: { time: number; uid: string }): Judgement
  /** True if the value is one of a group's, without remembering it. */
  knows(key: string, kind: Kind, test: (value: string) => boolean): boolean
  /** Groups in all, those with behaviour that is still learned, and kinds that are too varied to be judged. */
  state(): { readonly groups: number; readonly learning: number; readonly full: number }
  /** Everything, as JSON text. `time`: now, ms since 1970. */
  save(time: number): string
  /** Adds what `save` wrote, here or in another process, to what is known; returns when. Throws if it is something else. */
  load(text: string): number
}

/** New values in the last quarter of the learning period that still count as learned enough: one, or 5 % of all. */
const quarter = 4
const tolerated_share = 0.05

/** What alike workloads do, learned from what they did. */
export function createMemory(options: LearningOptions): Memory {
  const groups = new Map<string, Group>()
  /** The group of the event that is being judged: what it shows is looked up there several times. */
  let noted: { key: string; group: Group } | undefined

  function groupAt(key: string, name: string, time: number): Group {
    const known = groups.get(key)
    if (known) return known
    if (groups.size >= options.max_groups) {
      let silent: string | undefined
      let oldest = Number.POSITIVE_INFINITY
      for (const [other, group] of groups) {
        if (group.last_time < oldest) {
          oldest = group.last_time
          silent = other
        }
      }
      if (silent !== undefined) groups.delete(silent)
    }
    const group: Group = { name, first_time: time, last_time: time, events: new Map(), known: new Map() }
    groups.set(key, group)
    return group
  }

  function knownOf(group: Group, kind: Kind): Known {
    let known = group.known.get(kind)
    if (!known) {
      known = { values: new Map(), novelties: [], is_complete: false, is_full: false }
      group.known.set(kind, known)
    }
    return known
  }

  /** Enough time, enough events, and hardly anything new in the last quarter of the period. */
  function isLearned(group: Group, known: Known, kind: Kind, time: number): boolean {
    if (time < group.first_time + options.learning_period_ms) return false
    if ((group.events.get(classOf[kind]) ?? 0) < options.min_events) return false
    const from = time - options.learning_period_ms / quarter
    const late = known.novelties.filter((novelty) => novelty > from).length
    return late <= toleratedNovelties(known)
  }

  return {
    note(key, name, class_uid, time) {
      const group = groupAt(key, name, time)
      noted = { key, group }
      if (time < group.first_time) group.first_time = time
      // What is replayed after a restart must not count twice.
      if (time >= group.last_time) {
        group.last_time = time
        const events = group.events.get(class_uid) ?? 0
        if (events < options.min_events) group.events.set(class_uid, events + 1)
      }
    },
    judge(key, kind, value, { time, uid }) {
      const group = noted?.key === key ? noted.group : groups.get(key)
      if (!group) return { kind: 'learned' }
      const known = knownOf(group, kind)
      const first = known.values.get(value)
      const since = group.first_time
      if (first !== undefined) {
        return first !== '' && first === uid
          ? { kind: 'new', learned: known.values.size - 1, since }
          : { kind: 'known' }
      }
      if (known.is_full || known.values.size >= options.max_values) {
        known.is_full = true
        return { kind: 'full' }
      }
      known.is_complete ||= isLearned(group, known, kind, time)
      known.values.set(value, known.is_complete ? uid : '')
      if (known.is_complete) return { kind: 'new', learned: known.values.size - 1, since }
      known.novelties.push(time)
      if (known.novelties.length > toleratedNovelties(known) + 1) known.novelties.shift()
      return { kind: 'learned' }
    },
    knows(key, kind, test) {
      for (const value of groups.get(key)?.known.get(kind)?.values.keys() ?? []) if (test(value)) return true
      return false
    },
    state() {
      let learning = 0
      let full = 0
      for (const group of groups.values()) {
        let isLearning = group.last_time < group.first_time + options.learning_period_ms
        for (const [kind, known] of group.known) {
          if (known.is_full) full++
          else isLearning ||= !known.is_complete && !isLearned(group, known, kind, group.last_time)
        }
        if (isLearning) learning++
      }
      return { groups: groups.size, learning, full }
    },
    save: (time) =>
      JSON.stringify({
        version: 1,
        time,
        groups: [...groups].map(([key, group]) => ({
          key,
          ...group,
          events: [...group.events],
          known: [...group.known].map(([kind, known]) => ({ kind, ...known, values: [...known.values] })),
        })),
      }),
    load(text) {
      const saved = JSON.parse(text) as { version: number; time?: number; groups: SavedGroup[] }
      noted = undefined
      if (saved.version !== 1) throw new Error(`version ${saved.version}, expected 1`)
      for (const { key, events, known, ...group } of saved.groups) {
        const restored: Group = { ...group, events: new Map(events), known: new Map() }
        for (const { kind, values, ...rest } of known) {
          if (Object.hasOwn(classOf, kind)) restored.known.set(kind, { ...rest, values: new Map(values) })
        }
        const other = groups.get(key)
        groups.set(key, other ? merged(other, restored) : restored)
      }
      return saved.time ?? 0
    },
  }
}

/** What two processes know of a group whose workloads they shared: each value of either, and learned if either had learned. */
function merged(one: Group, other: Group): Group {
  const events = new Map(one.events)
  for (const [class_uid, n] of other.events) events.set(class_uid, Math.max(n, events.get(class_uid) ?? 0))
  const known = new Map(one.known)
  for (const [kind, theirs] of other.known) {
    const ours = known.get(kind)
    known.set(kind, ours ? mergedKnown(ours, theirs) : theirs)
  }
  const first_time = Math.min(one.first_time, other.first_time)
  return { name: one.name, first_time, last_time: Math.max(one.last_time, other.last_time), events, known }
}

function mergedKnown(one: Known, other: Known): Known {
  const values = new Map(one.values)
  for (const [value, uid] of other.values) {
    const ours = values.get(value)
    // The event that showed it first is remembered, because it may come again; uids begin with the time.
    if (ours === undefined || ours === '' || (uid !== '' && uid < ours)) values.set(value, uid)
  }
  const novelties = [...new Set([...one.novelties, ...other.novelties])].sort((a, b) => a - b)
  const known: Known = {
    values,
    novelties,
    is_complete: one.is_complete || other.is_complete,
    is_full: one.is_full || other.is_full,
  }
  known.novelties = novelties.slice(-(toleratedNovelties(known) + 1))
  return known
}

type SavedGroup = Omit<Group, 'events' | 'known'> & {
  key: string
  events: [number, number][]
  known: (Omit<Known, 'values'> & { kind: Kind; values: [string, string][] })[]
}

function toleratedNovelties(known: Known): number {
  return Math.max(1, Math.floor(known.values.size * tolerated_share))
}
