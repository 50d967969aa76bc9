import { z } from 'zod'
import { WeirError } from '../../core/errors.js'
import { readArtifact, writeArtifact } from '../../models/artifact.js'
import type { GroupedRows } from '../../models/baseline.js'
import { FEATURES, featureHash } from '../../models/features.js'
import { seededRandom } from '../../models/random.js'

const WIDTH = FEATURES.length
const MINUTE_MS = 60_000
const NOTHING_SEEN = { rows: 0, from: Number.NaN, to: Number.NaN }

/** Normal rows kept for training: bounded, fair to small groups, and forgetting old rows at random. */
export type RowMemory = {
  /** Keeps a row; when full, a random row of the largest group goes. */
  add(group: string, minute: number, vector: Float32Array): void
  /** Rows kept. */
  readonly size: number
  /** Minutes ever seen of a group, also those no longer kept. */
  history(group: string): number
  /** Rows ever seen, and the first and last minute seen (ms; NaN before the first row). */
  readonly seen: { readonly rows: number; readonly from: number; readonly to: number }
  /** A copy of the kept rows in no particular order, ready for training. */
  training(): { rows: GroupedRows; range: { from: number; to: number } }
  /** A copy of the kept rows of one group. */
  vectorsOf(group: string): Float32Array
  save(dir: string): Promise<void>
  /** Replaces the content by what was saved. Throws `not_found` or `bad_input` and stays as it was. */
  load(dir: string): Promise<void>
}

type Group = { readonly id: number; seen: number; readonly places: number[] }

const savedShape = z.object({
  feature_hash: z.literal(featureHash(FEATURES)),
  base: z.number(),
  seen: z.object({ rows: z.number(), from: z.number(), to: z.number() }),
  groups: z.array(z.object({ name: z.string(), seen: z.number(), id: z.int().min(0) })),
})

/** A memory of at most `max_rows` rows. `seed` makes what is forgotten repeatable. */
export function createRowMemory(max_rows: number, seed: number): RowMemory {
  const random = seededRandom(seed)
  let groups = new Map<string, Group>()
  // Flat, so that a training or a save is a copy of memory: the event loop must not wait for it.
  let vectors = new Float32Array(0)
  let minutes = new Float64Array(0)
  let group_of = new Uint32Array(0)
  let size = 0
  let nextId = 0
  let seen = NOTHING_SEEN

  function grow() {
    const capacity = Math.min(max_rows, Math.max(1_024, size * 2))
    const wider = { vectors: new Float32Array(capacity * WIDTH), minutes: new Float64Array(capacity) }
    wider.vectors.set(vectors)
    wider.minutes.set(minutes)
    const ids = new Uint32Array(capacity)
    ids.set(group_of)
    vectors = wider.vectors
    minutes = wider.minutes
    group_of = ids
  }

  /** The place for one more row: a free one, or that of a random row of the largest group. */
  function makePlace(): number {
    if (size < max_rows) {
      if (size === minutes.length) grow()
      return size++
    }
    let largest: number[] = []
    for (const { places } of groups.values()) if (places.length > largest.length) largest = places
    const at = Math.floor(random() * largest.length)
    const place = largest[at] as number
    const last = largest.pop() as number
    if (at < largest.length) largest[at] = last
    return place
  }

  function groupNamed(name: string): Group {
    const found = groups.get(name)
    if (found) return found
    // A group that keeps no row is only a number; thousands of short-lived ones must not pile up.
    if (groups.size >= 2 * max_rows) for (const [key, { places }] of groups) if (places.length === 0) groups.delete(key)
    const group: Group = { id: nextId++, seen: 0, places: [] }
    groups.set(name, group)
    return group
  }

  return {
    get size() {
      return size
    },
    get seen() {
      return seen
    },
    history: (group) => groups.get(group)?.seen ?? 0,
    add(name, minute, vector) {
      const group = groupNamed(name)
      const place = makePlace()
      vectors.set(vector, place * WIDTH)
      minutes[place] = minute
      group_of[place] = group.id
      group.seen++
      group.places.push(place)
      seen = {
        rows: seen.rows + 1,
        from: seen.rows === 0 ? minute : Math.min(seen.from, minute),
        to: seen.rows === 0 ? minute : Math.max(seen.to, minute),
      }
    },
    training() {
      const names: string[] = []
      for (const [name, { id }] of groups) names[id] = name
      const kept = minutes.slice(0, size)
      const range = { from: 0, to: 0 }
      if (size > 0) {
        range.from = kept.reduce((least, minute) => Math.min(least, minute))
        range.to = kept.reduce((most, minute) => Math.max(most, minute)) + MINUTE_MS
      }
      const copies = { vectors: vectors.slice(0, size * WIDTH), group_of: group_of.slice(0, size), minutes: kept }
      return { rows: { ...copies, groups: names }, range }
    },
    vectorsOf(name) {
      const places = groups.get(name)?.places ?? []
      const copy = new Float32Array(places.length * WIDTH)
      places.forEach((place, at) => {
        copy.set(vectors.subarray(place * WIDTH, (place + 1) * WIDTH), at * WIDTH)
      })
      return copy
    },
    async save(dir) {
      const base = size === 0 ? 0 : minutes.subarray(0, size).reduce((least, minute) => Math.min(least, minute))
      // Whole seconds since `base`: exact in a 32-bit float for half a year, as are the group numbers.
      const seconds = Float32Array.from(minutes.subarray(0, size), (minute) => (minute - base) / 1000)
      const facts = {
        feature_hash: featureHash(FEATURES),
        base,
        seen: seen.rows === 0 ? { rows: 0, from: 0, to: 0 } : seen,
        groups: [...groups].map(([name, group]) => ({ name, seen: group.seen, id: group.id })),
      }
      const ids = Float32Array.from(group_of.subarray(0, size))
      await writeArtifact(dir, facts, { vectors: vectors.subarray(0, size * WIDTH), seconds, groups: ids })
    },
    async load(dir) {
      const saved = await readRows(dir)
      // More than fit now: the newest places stay, which are as random as any.
      const from = Math.max(0, saved.minutes.length - max_rows)
      groups = saved.groups
      vectors = saved.vectors.slice(from * WIDTH)
      minutes = saved.minutes.slice(from)
      group_of = saved.group_of.slice(from)
      size = minutes.length
      seen = saved.seen
      const byId = new Map([...groups.values()].map((group) => [group.id, group]))
      nextId = [...byId.keys()].reduce((next, id) => Math.max(next, id + 1), 0)
      group_of.forEach((id, place) => {
        byId.get(id)?.places.push(place)
      })
    },
  }
}

/** Reads and checks a saved memory. Throws `not_found` or `bad_input`. */
async function readRows(dir: string) {
  const { facts, tensors } = await readArtifact(dir)
  const fault = (detail: string) => new WeirError('bad_input', `training rows in ${dir} cannot be used: ${detail}`)
  const parsed = savedShape.safeParse(facts)
  if (!parsed.success) throw fault(z.prettifyError(parsed.error))
  const { base, seen } = parsed.data
  const groups = new Map<string, Group>()
  for (const { name, seen: count, id } of parsed.data.groups) groups.set(name, { id, seen: count, places: [] })
  const { vectors, seconds, groups: ids } = tensors
  const known = new Set([...groups.values()].map((group) => group.id))
  if (!vectors || !seconds || !ids || vectors.length !== seconds.length * WIDTH || ids.length !== seconds.length) {
    throw fault('the numbers of vectors, minutes and groups differ')
  }
  if (!vectors.every(Number.isFinite) || !ids.every((id) => known.has(id))) throw fault('a value is out of range')
  return {
    groups,
    vectors,
    minutes: Float64Array.from(seconds, (second) => base + second * 1000),
    group_of: Uint32Array.from(ids),
    seen: seen.rows === 0 ? NOTHING_SEEN : seen,
  }
}
