import { z } from 'zod'
import { defineCollector } from '../contract.js'
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
  interval_ms: z.int().min(50).default(500).describe('Time between two looks at the log, in ms.'),
})

/** This machine's audit log, live: the records of an event joined, through rotation and restarts. */
export const auditd = defineCollector({
  name: 'auditd',
  summary: "This machine's audit log, live: every exec, file and socket that an audit rule names.",
  config,
  example: {},
  formats: ['auditd'],
  create(settings, deps) {
    const following = fileConfig.parse({ ...settings, format: 'auditd', of_this_machine: true })
    return createFile(following, deps)
  },
})
