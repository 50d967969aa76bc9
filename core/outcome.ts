/**
 * What became of one input. Expected outcomes are values, faults are thrown. Only the runner that receives
 * an outcome counts it, logs it or writes a dead letter.
 */
export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** Uninteresting by design (a heartbeat, a filtered record): counted by reason, not kept. */
  | { readonly kind: 'drop'; readonly reason: string }
  /** Wrong input: counted by reason and kept as a dead letter. `detail` says where and what was found. */
  | { readonly kind: 'reject'; readonly reason: string; readonly detail: string }

/** The input was understood. */
export function ok<T>(value: T): Outcome<T> {
  return { kind: 'ok', value }
}

/** The input is dropped on purpose. `reason` is a short snake_case word: it becomes a metric label. */
export function drop(reason: string): Outcome<never> {
  return { kind: 'drop', reason }
}

/** The input is wrong. `reason` is a short snake_case word (a metric label), `detail` is for the person who reads the dead letter. */
export function reject(reason: string, detail: string): Outcome<never> {
  return { kind: 'reject', reason, detail }
}
