import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps } from '../../contract.js'
import { repeat } from '../../repeat.js'

const run = promisify(execFile)
const ANSWER_WITHIN_MS = 10_000

/** How many audit records the kernel has lost so far, as `auditctl -s` prints it; undefined if it prints no such line. */
export function lostOf(status: string): number | undefined {
  const found = /^(?:AUDIT_STATUS:.*\s)?lost[ =](\d+)/m.exec(status)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Asks at each interval how many records the kernel lost, and reports what is new, also since the last run of Weir. */
export async function watchKernelLosses(
  config: { readonly auditctl: string; readonly interval_ms: number },
  deps: CollectorDeps,
  signal: AbortSignal,
): Promise<void> {
  const path = join(deps.state_dir, 'kernel-losses.json')
  const kept = (await readJsonFile(path).catch(() => undefined)) as { lost?: unknown } | undefined
  let before = typeof kept?.lost === 'number' ? kept.lost : undefined
  let problem: string | undefined

  async function ask() {
    const { stdout } = await run(config.auditctl, ['-s'], { timeout: ANSWER_WITHIN_MS, signal })
    const now = lostOf(stdout)
    if (now === undefined) throw new Error(`${config.auditctl} -s prints no line "lost"`)
    if (problem !== undefined) deps.coverage({ part: 'kernel', status: 'ok', message: 'auditctl answers again.' })
    problem = undefined
    // A smaller number than before: the machine or the counter was started anew.
    const lost = before === undefined ? 0 : now >= before ? now - before : now
    if (lost > 0) {
      deps.coverage({
        part: 'kernel',
        status: 'degraded',
        lost,
        message: `The kernel lost ${lost} audit records: its queue was full or its rate limit reached. Raise -b or -r in audit.rules, or audit less.`,
      })
    }
    if (now !== before) await writeJsonAtomically(path, { lost: now })
    before = now
  }

  await repeat(config.interval_ms, signal, ask, (error) => {
    const found = messageOf(error).split('\n')[0] ?? ''
    if (found === problem) return
    problem = found
    deps.coverage({
      part: 'kernel',
      status: 'degraded',
      message: `Whether the kernel loses audit records is not seen: ${found}. Set auditctl to where that program is, and run Weir as root.`,
    })
  })
}
