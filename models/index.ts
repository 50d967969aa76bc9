import { registry } from '../core/define.js'
import { autoencoder } from './autoencoder.js'
import type { ModelDefinition } from './contract.js'

/** Every model Weir can train. A new one is a file and a line here. */
export const models = registry<ModelDefinition>('model', [autoencoder])
