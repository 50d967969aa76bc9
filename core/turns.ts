/** Gives the event loop back between pieces of long work; those who wait get one turn of the loop each, in order. */
export type Turns = {
  /** Resolves in a turn of its own, after everybody who asked before. */
  next(): Promise<void>
}

/**
 * Without this, twenty tasks that each yield after 10 ms hold a turn of the loop for 200 ms between them, and a query that
 * needs three turns waits for all of that.
 */
export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve()
  return {
    next() {
      last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
      return last
    },
  }
}
