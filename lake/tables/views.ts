import { eventJsonSql } from './event-json.js'
import { event_columns } from './events.js'

/** A query with a name, for people. */
export type View = {
  readonly name: string
  /** One sentence: what a row is. */
  readonly doc: string
  /** The statement whose rows it shows. */
  readonly select: string
}

/**
 * Whole events are a view and not a column of `events`: the engine resolves every formula of a table for every query on
 * it, and this one takes 20 ms.
 */
export const views: readonly View[] = [
  {
    name: 'events_json',
    doc: 'The rows of `events`, with the whole event as JSON (without null attributes) in `event`',
    select: `SELECT *, metadata_uid, category_uid, type_uid, ${eventJsonSql(event_columns)} AS event FROM events`,
  },
]
