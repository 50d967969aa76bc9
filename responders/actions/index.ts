import { registry } from '../../core/define.js'
import type { ActionDefinition } from '../contract.js'
import { dockerPause } from './docker_pause.js'
import { dockerQuarantine } from './docker_quarantine.js'
import { log } from './log.js'
import { webhook } from './webhook.js'

/** Every action, in the order of the listings. One line each. */
export const actions = registry<ActionDefinition>('action', [dockerQuarantine, dockerPause, webhook, log])
