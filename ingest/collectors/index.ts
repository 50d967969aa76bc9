import { registry } from '../../core/define.js'
import type { CollectorDefinition } from '../contract.js'
import { docker } from './docker.js'
import { host } from './host.js'

/** Every collector. To add one: one file here and one line below. */
export const collectors = registry<CollectorDefinition>('collector', [
  host as unknown as CollectorDefinition,
  docker as unknown as CollectorDefinition,
])
