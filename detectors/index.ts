import { registry } from '../core/define.js'
import { anomaly } from './anomaly/anomaly.js'
import type { DetectorDefinition } from './contract.js'

/** Every detector Weir has. */
export const detectors = registry<DetectorDefinition>('detector', [anomaly])
