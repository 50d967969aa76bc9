import { Worker } from 'node:worker_threads'
import { type ErrorCode, WeirError } from '../core/errors.js'
import { activeBackend } from './backend.js'
import type { GroupedRows } from './baseline.js'
import type { BehaviourConfig } from './behaviour.js'
import type { Manifest } from './contract.js'

/** What a training worker gets: plain data only. */
export type TrainJob = {
  readonly config: BehaviourConfig
  readonly rows: GroupedRows
  readonly range: { readonly from: number; readonly to: number }
  readonly seed: number
  /** The artifact folder it writes. */
  readonly dir: string
  /** False: leave `@tensorflow/tfjs-node` alone. */
  readonly native: boolean
}

/** What a training worker says. */
export type TrainMessage =
  | { readonly kind: 'progress'; readonly share: number; readonly loss: number }
  | { readonly kind: 'done'; readonly manifest: Manifest }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }

export type Training = {
  /** Resolves with the manifest once the artifact is on disk and the worker is gone. Rejects with the worker's error. */
  readonly done: Promise<Manifest>
  /** Ends the worker at once; `done` rejects. Resolves when it is gone. */
  stop(): Promise<void>
}

/**
 * Trains a behaviour model in a worker thread, because training on WASM is one long synchronous computation. The
 * buffers of `rows` move to the worker and are empty afterwards.
 */
export function trainInWorker(
  job: Omit<TrainJob, 'native'>,
  progress: (share: number, loss: number) => void = () => {},
): Training {
  // A native binary is only used in a worker after the probe has seen it work in one.
  const workerData: TrainJob = { ...job, native: activeBackend()?.name === 'tensorflow' }
  const worker = new Worker(new URL('./train-worker.js', import.meta.url), {
    workerData,
    transferList: [job.rows.vectors, job.rows.group_of, job.rows.minutes].map((part) => part.buffer as ArrayBuffer),
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
    execArgv: [],
  })
  const done = new Promise<Manifest>((resolve, reject) => {
    let manifest: Manifest | undefined
    let failure: unknown
    worker.on('message', (message: TrainMessage) => {
      if (message.kind === 'progress') progress(message.share, message.loss)
      else if (message.kind === 'done') manifest = message.manifest
      else failure = new WeirError(message.code, message.message, message.hint ? { hint: message.hint } : {})
    })
    worker.on('error', (error) => {
      failure = error
    })
    worker.on('exit', (code) => {
      if (manifest && failure === undefined) resolve(manifest)
      else reject(failure ?? new WeirError('internal', `the training worker ended early with code ${code}`))
    })
  })
  return {
    done,
    async stop() {
      done.catch(() => {})
      await worker.terminate()
    },
  }
}
