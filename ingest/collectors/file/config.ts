import { z } from 'zod'

/** Every field of the file collector. */
export const fileConfig = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .describe(
      'Files to follow; `*`, `?`, `[a-z]`, `{a,b}` within a name and `**` for any folders. Compressed files are left out.',
    ),
  exclude: z.array(z.string()).default([]).describe('File names (patterns without a folder) that are left out.'),
  format: z
    .string()
    .min(1)
    .describe('Wire format of the lines, e.g. `ocsf` or `cloudtrail` for one JSON record a line.'),
  of_this_machine: z
    .boolean()
    .default(false)
    .describe(
      'The files are logs of this machine: events that name no machine, or this one, belong to it as the host collector names it.',
    ),
  start_at: z
    .enum(['beginning', 'end'])
    .default('beginning')
    .describe(
      'Where to begin in files that exist at the very first start. Files that appear later are read from their beginning.',
    ),
  interval_ms: z.int().min(50).default(1000).describe('Time between two looks at the files, in ms.'),
  rotate_wait_ms: z
    .int()
    .min(0)
    .default(10_000)
    .describe('How long a renamed or deleted file is still read after its last new line, in ms.'),
  max_line_bytes: z
    .int()
    .min(16)
    .default(1024 * 1024)
    .describe('Longest line in bytes; a longer one becomes a dead letter.'),
  max_files: z.int().min(1).default(1000).describe('Files held open at once; more are reported and not read.'),
})

/** Configuration of the file collector, checked. */
export type FileConfig = z.output<typeof fileConfig>
