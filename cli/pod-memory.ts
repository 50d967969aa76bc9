import { messageOf } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import { readJsonFile, writeJsonAtomically } from '../ingest/atomic-json.js'
import { type PodTable, podTableContent } from '../ingest/pod-table.js'

const SAVE_EVERY_MS = 60_000
/**
 * What was known longer ago is left alone: pods of a stateful set keep their names and get new containers, and an unknown
 * container is better than the wrong one.
 */
const BELIEVED_MS = 60 * 60_000

/** Keeps over a restart which containers pods have: the events that told it may not come again for days. */
export function createPodMemory(path: string, pods: PodTable, log: Log, now: () => number = Date.now): Service {
  let timer: NodeJS.Timeout | undefined
  let saving: Promise<void> = Promise.resolve()

  async function save() {
    const known = pods.known()
    if (known.length > 0) await writeJsonAtomically(path, { time: now(), pods: known })
  }

  return {
    name: 'pods',
    async start() {
      const kept = ((await readJsonFile(path)) ?? {}) as { time?: unknown; pods?: unknown }
      const is_fresh = typeof kept.time === 'number' && now() - kept.time < BELIEVED_MS
      const content = is_fresh ? podTableContent(kept.pods) : undefined
      if (content) pods.remember(content)
      timer = setInterval(() => {
        saving = save().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'pods not kept'))
      }, SAVE_EVERY_MS)
      timer.unref()
    },
    async stop() {
      if (!timer) return
      clearInterval(timer)
      timer = undefined
      await saving
      await save()
    },
  }
}
