import { sqlException } from './exception.js'

/** Lets a few through at a time; the others wait in line, and the line is bounded. */
export type Gate = {
  /** Resolves with the function that gives the place back. Throws TOO_MANY_SIMULTANEOUS_QUERIES if the line is full or the wait too long. */
  enter(signal: AbortSignal): Promise<() => void>
}

/** A gate with `places` places and a line of `line`, in which nobody waits longer than `wait_ms`. */
export function createGate(places: number, line: number, wait_ms: number): Gate {
  let free = places
  const waiting = new Set<() => void>()

  function leave(): void {
    const next = waiting.values().next().value
    if (next) next()
    else free++
  }

  function place(): () => void {
    let left = false
    return () => {
      if (left) return
      left = true
      leave()
    }
  }

  return {
    async enter(signal) {
      if (free > 0) {
        free--
        return place()
      }
      if (waiting.size >= line) throw busy(`${places} queries run and ${line} wait`)
      await new Promise<void>((resolve, reject) => {
        const settle = (then: () => void) => () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', abort)
          waiting.delete(turn)
          then()
        }
        const turn = settle(resolve)
        const abort = settle(() => reject(sqlException('QUERY_WAS_CANCELLED', 'Query was cancelled.')))
        const late = settle(() => reject(busy(`the query waited ${wait_ms} ms for its turn`)))
        const timer = setTimeout(late, wait_ms)
        waiting.add(turn)
        signal.addEventListener('abort', abort, { once: true })
      })
      return place()
    },
  }
}

function busy(why: string) {
  return sqlException('TOO_MANY_SIMULTANEOUS_QUERIES', `Too many simultaneous queries: ${why}.`)
}
