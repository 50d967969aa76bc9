import { WeirError } from '../core/errors.js'

/** The work, or a `timeout` error after `ms`. The work itself cannot be stopped: what it still does must be harmless. */
export async function timeLimit<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WeirError('timeout', `${what} took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
