/** Gives the event loop back between pieces of long work; those who wait get one turn of the loop each, in order. */
export type Turns = {
  /** Whether those who share these turns have worked long enough in this turn of the loop: then `next` is to be awaited. */
  due(): boolean
  /**
   * Resolves in a turn of its own, after everybody who asked before; `behind`: after everybody who waits. Who makes work for
   * others goes behind them, so that what is begun is finished first and little is held at a time.
   */
  next(behind?: 'behind'): Promise<void>
}

/** How long a turn of the loop may be, ms, where nothing else is said. */
const HOLD_MS = 2

/**
 * Long work in turns of `hold_ms`. All parts of a process share one: twenty tasks that each yield after 5 ms hold a turn of
 * the loop for 100 ms between them, and a query that needs three turns waits for all of that.
 */
export function createTurns(hold_ms = HOLD_MS): Turns {
  const waiting: (() => void)[] = []
  const behind: (() => void)[] = []
  let is_scheduled = false
  let began: number | undefined

  function serve() {
    began = undefined
    const resolve = waiting.shift() ?? behind.shift()
    is_scheduled = waiting.length + behind.length > 0
    if (is_scheduled) setImmediate(serve)
    resolve?.()
  }

  return {
    due() {
      if (began === undefined) {
        began = performance.now()
        setImmediate(() => {
          began = undefined
        })
        return false
      }
      return performance.now() - began > hold_ms
    },
    next(place) {
      return new Promise((resolve) => {
        if (place === 'behind') behind.push(resolve)
        else waiting.push(resolve)
        if (is_scheduled) return
        is_scheduled = true
        setImmediate(serve)
      })
    },
  }
}
