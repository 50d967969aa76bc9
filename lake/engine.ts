import { messageOf, WeirError } from '../core/errors.js'

/** What is used of chdb, the ClickHouse engine as a library. */
export type Engine = Awaited<ReturnType<typeof loadEngine>>

/**
 * Loads the engine, when a lake in this process is first opened: a process whose lake is a server does without its
 * 566 MB. Throws `setting_missing` where it is not installed, as in the container image.
 */
export async function loadEngine() {
  try {
    const [{ default: chdb, Session }, { createChdbConnection }] = await Promise.all([
      import('chdb'),
      import('chdb/connection'),
    ])
    return { Session, createChdbConnection, drainPending: () => chdb.drainPending() }
  } catch (cause) {
    throw new WeirError('setting_missing', `the ClickHouse engine is not installed here: ${messageOf(cause)}`, {
      hint: 'Set lake.url to a ClickHouse server, or install the package chdb with its library for this platform.',
      cause,
    })
  }
}
