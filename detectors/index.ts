import { registry } from '../core/define.js'
import { anomaly } from './anomaly/anomaly.js'
import type { DetectorDefinition } from './contract.js'
import { profile } from './profile/profile.js'
import { rules } from './rules/rules.js'

/** Every detector Weir has. */
export const detectors = registry<DetectorDefinition>('detector', [rules, profile, anomaly])
