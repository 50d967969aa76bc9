// The thread that models/train.ts starts. It imports TensorFlow.js and our models only: the lake's engine must never
// be loaded on a second thread.
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf, WeirError } from '../core/errors.js'
import { chooseBackend } from './backend.js'
import { createBehaviourModel } from './behaviour.js'
import type { TrainJob, TrainMessage } from './train.js'

const say = (message: TrainMessage) => parentPort?.postMessage(message)
const { config, rows, range, seed, dir, native } = workerData as TrainJob

try {
  await chooseBackend({ native })
  const model = createBehaviourModel(config)
  const progress = (share: number, loss: number) => say({ kind: 'progress', share, loss })
  const manifest = await model.fit(rows, range, { seed, progress })
  await model.save(dir)
  say({ kind: 'done', manifest })
} catch (error) {
  const known = error instanceof WeirError ? error : undefined
  say({ kind: 'failed', code: known?.code ?? 'internal', message: messageOf(error), hint: known?.hint })
}
