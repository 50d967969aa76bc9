import { registry } from '../core/define.js'
import type { DetectorDefinition } from './contract.js'

/** Every detector Weir has. */
export const detectors = registry<DetectorDefinition>('detector', [])
