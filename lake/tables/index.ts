import { coverage } from './coverage.js'
import { dead_letters } from './dead-letters.js'
import { detector_state } from './detector-state.js'
import { events } from './events.js'
import { findings } from './findings.js'
import { inventory } from './inventory.js'
import { metrics } from './metrics.js'
import { responses } from './responses.js'
import type { Table } from './table.js'

/** Every table of the lake. */
export const tables: readonly Table[] = [
  events,
  metrics,
  findings,
  responses,
  inventory,
  dead_letters,
  coverage,
  detector_state,
]

export type TableName =
  | 'events'
  | 'metrics'
  | 'findings'
  | 'responses'
  | 'inventory'
  | 'dead_letters'
  | 'coverage'
  | 'detector_state'
