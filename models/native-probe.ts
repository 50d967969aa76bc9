// Run by models/backend.ts in a process of its own: `node native-probe.js <entry of @tensorflow/tfjs-node>`.
// Exit code 0 only if the binary loads and calculates on the main thread and on a worker thread.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const entry = isMainThread ? process.argv[2] : (workerData as string)
if (entry === undefined) throw new Error('usage: native-probe.js <entry>')
const tf = createRequire(import.meta.url)(entry)
const product = tf.matMul(tf.tensor2d([1, 2], [1, 2]), tf.tensor2d([3, 4], [2, 1])).dataSync()
if (tf.getBackend() !== 'tensorflow' || product[0] !== 11) throw new Error('the native backend does not calculate')
if (isMainThread) new Worker(fileURLToPath(import.meta.url), { workerData: entry })
