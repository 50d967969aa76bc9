import { z } from 'zod'
import type { Workload } from '../../../ocsf/event.js'
import { readJsonFile } from '../../atomic-json.js'
import type { ContainerView } from './containers.js'
import type { ProcessMemory } from './process-table.js'

/** Only what names a process is kept over a restart; the rest is read again or no longer needed. */
const memorySchema = z.object({
  boot_id: z.string(),
  boot_time_ms: z.number(),
  processes: z.array(
    z.object({
      pid: z.int(),
      ppid: z.int(),
      start_ticks: z.number(),
      created_time: z.number(),
      exec_count: z.int(),
      comm: z.string(),
      name: z.string(),
      cmd_line: z.string().optional(),
      exe: z.string().optional(),
      uid: z.string().optional(),
      netns: z.string().optional(),
      container: z
        .object({ workload: z.custom<Workload>(isNamed), container: z.custom<ContainerView['container']>(isNamed) })
        .optional(),
    }),
  ),
})

/** What a former run of Weir knew about processes; undefined if there was none, or it cannot be read. */
export async function readProcessMemory(path: string): Promise<ProcessMemory | undefined> {
  return memorySchema.safeParse(await readJsonFile(path)).data as ProcessMemory | undefined
}

function isNamed(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { uid?: unknown }).uid === 'string'
}
