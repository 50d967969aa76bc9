import { join } from 'node:path'
import { messageOf } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { repeat } from '../repeat.js'
import { ofThisMachine } from '../this-machine.js'
import { type FileConfig, fileConfig } from './file/config.js'
import { fileSet } from './file/file-set.js'

/** Follows text files as they grow and are rotated. */
export const file = defineCollector({
  name: 'file',
  summary: 'Follows files line by line, through rotation (rename or copy and truncate) and restarts.',
  config: fileConfig,
  example: { paths: ['/var/log/falco/events.json'], format: 'falco' },
  formats: [],
  create: createFile,
})

/** The file collector, also for those that follow one log whose format they know. */
export function createFile(config: FileConfig, deps: CollectorDeps): Collector {
  const stopping = new AbortController()
  const files = fileSet(
    config,
    config.of_this_machine ? ofThisMachine(deps) : deps,
    join(deps.state_dir, 'checkpoints.json'),
    stopping.signal,
  )
  let running: Promise<void> | undefined

  return {
    async start() {
      await files.resume()
      running = repeat(config.interval_ms, stopping.signal, files.look, (error) => {
        deps.coverage({ status: 'degraded', message: `A look at the files failed: ${messageOf(error)}.` })
      })
    },
    async stop() {
      stopping.abort()
      const ending = running
      running = undefined
      if (!ending) return
      await ending
      await files.close()
    },
    describe: () => `${config.paths.join(', ')} as ${config.format} (${files.count()} files)`,
  }
}
