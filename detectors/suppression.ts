import type { FindingDraft } from './contract.js'

const day_ms = 86_400_000
const critical = 5

/** Why a finding is not published; `publish` if it is. */
export type Verdict =
  | { readonly kind: 'publish'; readonly repeats: number }
  | { readonly kind: 'suppress'; readonly reason: 'repeat' | 'duplicate' | 'budget' }

export type SuppressionOptions = {
  /** Findings with the same key closer together than this, in event time, are repeats. */
  readonly suppression_ms: number
  /** Findings a detector may make in a day of event time; critical ones are never held back. */
  readonly budget_per_day: number
  /** Keys remembered; the oldest is forgotten first. */
  readonly max_keys?: number
}

export type Suppression = {
  /** Decides about a draft and remembers the decision. */
  judge(instance: string, key: string, uid: string, draft: FindingDraft): Verdict
  /** A finding that was published before a restart. */
  remember(instance: string, key: string, uid: string, time: number): void
}

type Entry = { uid: string; time: number; repeats: number }

/** Holds back repeats and what is over the daily budget. Nothing is forgotten silently: the caller counts every verdict. */
export function suppression({ suppression_ms, budget_per_day, max_keys = 50_000 }: SuppressionOptions): Suppression {
  const entries = new Map<string, Entry>()
  const spent = new Map<string, { day: number; findings: number }>()

  function isWithinBudget(instance: string, time: number): boolean {
    const day = Math.floor(time / day_ms)
    const account = spent.get(instance)
    if (account === undefined || account.day < day) {
      spent.set(instance, { day, findings: 1 })
      return true
    }
    account.findings++
    return account.findings <= budget_per_day
  }

  function store(key: string, entry: Entry) {
    // Re-inserting keeps the map in order of the last finding, so that the first key is the oldest.
    entries.delete(key)
    entries.set(key, entry)
    if (entries.size > max_keys) {
      const oldest = entries.keys().next().value
      if (oldest !== undefined) entries.delete(oldest)
    }
  }

  return {
    judge(instance, key, uid, draft) {
      const last = entries.get(key)
      if (last !== undefined) {
        if (last.uid === uid) return { kind: 'suppress', reason: 'duplicate' }
        if (Math.abs(draft.time - last.time) < suppression_ms) {
          last.repeats++
          return { kind: 'suppress', reason: 'repeat' }
        }
      }
      // A flood of cheap findings must not be able to hide a critical one.
      if (!isWithinBudget(instance, draft.time) && draft.severity_id < critical) {
        return { kind: 'suppress', reason: 'budget' }
      }
      store(key, { uid, time: draft.time, repeats: 0 })
      return { kind: 'publish', repeats: last?.repeats ?? 0 }
    },
    remember(instance, key, uid, time) {
      store(key, { uid, time, repeats: 0 })
      isWithinBudget(instance, time)
    },
  }
}
