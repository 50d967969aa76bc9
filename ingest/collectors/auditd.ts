import { z } from 'zod'
import { defineCollector } from '../contract.js'
import { watchKernelLosses } from './auditd/kernel-losses.js'
import { fileConfig } from './file/config.js'
import { createFile } from './file.js'

const config = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .default(['/var/log/audit/audit.log'])
    .describe('Where auditd writes (`log_file` of auditd.conf); the user of Weir must be able to read it.'),
  start_at: z
    .enum(['beginning', 'end'])
    .default('end')
    .describe('Where to begin at the very first start. Later starts go on where they ended.'),
  auditctl: z
    .string()
    .default('/usr/sbin/auditctl')
    .describe(
      'Program that is asked (`auditctl -s`) how many records the kernel lost because nobody took them in time.',
    ),
  lost_interval_ms: z.int().min(1_000).default(60_000).describe('Time between two such questions, in ms.'),
  interval_ms: z.int().min(50).default(500).describe('Time between two looks at the log, in ms.'),
})

/** This machine's audit log, live: the records of an event joined, through rotation and restarts. */
export const auditd = defineCollector({
  name: 'auditd',
  summary: "This machine's audit log, live: every exec, file and socket that an audit rule names.",
  config,
  example: {},
  formats: ['auditd'],
  create({ auditctl, lost_interval_ms, ...settings }, deps) {
    const log = createFile(fileConfig.parse({ ...settings, format: 'auditd', of_this_machine: true }), deps)
    const stopping = new AbortController()
    let watching = Promise.resolve()
    return {
      ...log,
      async start() {
        await log.start()
        watching = watchKernelLosses({ auditctl, interval_ms: lost_interval_ms }, deps, stopping.signal)
      },
      async stop() {
        stopping.abort()
        await Promise.all([watching, log.stop()])
      },
    }
  },
})
