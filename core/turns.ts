/** Gives the event loop back between pieces of long work; those who wait get one turn of the loop each, in order. */
export type Turns = {
  /** Whether those who share these turns have worked long enough in this turn of the loop: then `next` is to be awaited. */
  due(): boolean
  /** Resolves in a turn of its own, after everybody who asked before. */
  next(): Promise<void>
}

/** How long a turn of the loop may be, ms, where nothing else is said. */
const HOLD_MS = 4

/**
 * Long work in turns of `hold_ms`. All parts of a process share one: twenty tasks that each yield after 5 ms hold a turn of
 * the loop for 100 ms between them, and a query that needs three turns waits for all of that.
 */
export function createTurns(hold_ms = HOLD_MS): Turns {
  let last: Promise<void> = Promise.resolve()
  let began: number | undefined

  function over() {
    began = undefined
  }

  return {
    due() {
      if (began === undefined) {
        began = performance.now()
        setImmediate(over)
        return false
      }
      return performance.now() - began > hold_ms
    },
    next() {
      last = last.then(
        () =>
          new Promise((resolve) =>
            setImmediate(() => {
              over()
              resolve()
            }),
          ),
      )
      return last
    },
  }
}
