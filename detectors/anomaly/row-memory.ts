import { z } from 'zod'
import { WeirError } from '../../core/errors.js'
import { readArtifact, writeArtifact } from '../../models/artifact.js'
import type { GroupedRows } from '../../models/baseline.js'
import { FEATURES, featureHash } from '../../models/features.js'
import { seededRandom } from '../../models/random.js'

const WIDTH = FEATURES.length
const MINUTE_MS = 60_000

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
  /** Copies of the kept rows in time order, ready for training. */
  training(): { rows: GroupedRows; range: { from: number; to: number } }
  /** A copy of the kept rows of one group. */
  vectorsOf(group: string): Float32Array
  save(dir: string): Promise<void>
  /** Replaces the content by what was saved. Throws `not_found` or `bad_input` and stays as it was. */
  load(dir: string): Promise<void>
}

type Group = { seen: number; readonly rows: { readonly minute: number; readonly vector: Float32Array }[] }

const savedShape = z.object({
  feature_hash: z.literal(featureHash(FEATURES)),
  base: z.number(),
  seen: z.object({ rows: z.number(), from: z.number(), to: z.number() }),
  groups: z.array(z.object({ name: z.string(), seen: z.number(), kept: z.number() })),
})

/** A memory of at most `max_rows` rows. `seed` makes what is forgotten repeatable. */
export function createRowMemory(max_rows: number, seed: number): RowMemory {
  const random = seededRandom(seed)
  let groups = new Map<string, Group>()
  let size = 0
  let seen = { rows: 0, from: Number.NaN, to: Number.NaN }

  function forgetOne() {
    let largest: Group | undefined
    for (const group of groups.values()) if (group.rows.length > (largest?.rows.length ?? 0)) largest = group
    if (!largest) return
    const at = Math.floor(random() * largest.rows.length)
    const last = largest.rows.pop()
    if (last && at < largest.rows.length) largest.rows[at] = last
    size--
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
      let group = groups.get(name)
      if (!group) {
        group = { seen: 0, rows: [] }
        groups.set(name, group)
      }
      if (size >= max_rows) forgetOne()
      group.seen++
      group.rows.push({ minute, vector })
      size++
      seen = {
        rows: seen.rows + 1,
        from: seen.rows === 0 ? minute : Math.min(seen.from, minute),
        to: seen.rows === 0 ? minute : Math.max(seen.to, minute),
      }
      // A group that keeps no row is only a number; thousands of short-lived ones must not pile up.
      if (groups.size > max_rows) for (const [key, { rows }] of groups) if (rows.length === 0) groups.delete(key)
    },
    training() {
      const names = [...groups.keys()]
      const all = names.flatMap((name, group) => (groups.get(name)?.rows ?? []).map((row) => ({ ...row, group })))
      all.sort((a, b) => a.minute - b.minute || a.group - b.group)
      const vectors = new Float32Array(all.length * WIDTH)
      all.forEach((row, at) => {
        vectors.set(row.vector, at * WIDTH)
      })
      const group_of = Uint32Array.from(all, (row) => row.group)
      const range = { from: all[0]?.minute ?? 0, to: (all.at(-1)?.minute ?? 0) + MINUTE_MS }
      return { rows: { vectors, groups: names, group_of }, range }
    },
    vectorsOf(name) {
      const rows = groups.get(name)?.rows ?? []
      const vectors = new Float32Array(rows.length * WIDTH)
      rows.forEach((row, at) => {
        vectors.set(row.vector, at * WIDTH)
      })
      return vectors
    },
    async save(dir) {
      const all = [...groups.values()].flatMap((group) => group.rows)
      const base = all.reduce((least, row) => Math.min(least, row.minute), Number.POSITIVE_INFINITY)
      const vectors = new Float32Array(all.length * WIDTH)
      all.forEach((row, at) => {
        vectors.set(row.vector, at * WIDTH)
      })
      // Whole seconds since `base`: exact in a 32-bit float for half a year.
      const seconds = Float32Array.from(all, (row) => (row.minute - base) / 1000)
      const facts = {
        feature_hash: featureHash(FEATURES),
        base: Number.isFinite(base) ? base : 0,
        seen: seen.rows === 0 ? { rows: 0, from: 0, to: 0 } : seen,
        groups: [...groups].map(([name, group]) => ({ name, seen: group.seen, kept: group.rows.length })),
      }
      await writeArtifact(dir, facts, { vectors, seconds })
    },
    async load(dir) {
      const { facts, tensors } = await readArtifact(dir)
      const parsed = savedShape.safeParse(facts)
      if (!parsed.success) {
        throw new WeirError('bad_input', `training rows in ${dir} cannot be used: ${z.prettifyError(parsed.error)}`)
      }
      const { vectors, seconds } = tensors
      const kept = parsed.data.groups.reduce((sum, group) => sum + group.kept, 0)
      if (seconds?.length !== kept || vectors?.length !== kept * WIDTH || !vectors.every(Number.isFinite)) {
        throw new WeirError('bad_input', `training rows in ${dir} cannot be used: their number does not fit the groups`)
      }
      let at = 0
      const loaded = new Map<string, Group>()
      for (const { name, seen: count, kept: rows } of parsed.data.groups) {
        const group: Group = { seen: count, rows: [] }
        for (let row = 0; row < rows; row++, at++) {
          const minute = parsed.data.base + (seconds[at] as number) * 1000
          group.rows.push({ minute, vector: vectors.slice(at * WIDTH, (at + 1) * WIDTH) })
        }
        loaded.set(name, group)
      }
      groups = loaded
      size = kept
      seen = parsed.data.seen.rows === 0 ? { rows: 0, from: Number.NaN, to: Number.NaN } : parsed.data.seen
      while (size > max_rows) forgetOne()
    },
  }
}
