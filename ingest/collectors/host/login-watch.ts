import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { repeat } from '../../repeat.js'
import type { HostConfig } from './config.js'
import type { HostIdentity } from './identity.js'
import { type LoginCheckpoint, loginFile, openSessions } from './logins.js'

const checkpointsSchema = z.record(z.string(), z.object({ inode: z.string(), offset: z.int().min(0) }))
const NAMES = ['wtmp', 'btmp'] as const

/** Follows the log-in files. Resolves when the signal aborts and the checkpoints are saved. */
export async function watchLogins(
  config: HostConfig,
  deps: CollectorDeps,
  identity: HostIdentity,
  signal: AbortSignal,
): Promise<void> {
  const path = join(deps.state_dir, 'logins.json')
  const saved = checkpointsSchema.safeParse(await readJsonFile(path)).data
  const checkpoints: Record<string, LoginCheckpoint> = { ...saved }
  const files = NAMES.map((name) => ({ name, file: loginFile(config.root, name, identity) }))
  const reported = new Map<string, string>()
  let is_first_look = saved === undefined

  function report(name: (typeof NAMES)[number], file_path: string, code: string | undefined) {
    if (reported.get(name) === code) return
    reported.set(name, code ?? '')
    const part = name === 'wtmp' ? 'logins' : 'failed_logins'
    const what = name === 'wtmp' ? 'Log-ins' : 'Failed log-ins'
    if (code === '') return deps.coverage({ part, status: 'ok', message: `${what} are read from ${file_path}.` })
    const why = code === 'ENOENT' ? 'is absent on this system' : code === 'EACCES' ? 'may not be read' : `gave ${code}`
    const advice =
      code === 'EACCES'
        ? 'Run Weir as root or in the group utmp.'
        : `Create it (touch ${file_path}) if the log-in programs write it, else collect the authentication log with a file collector.`
    deps.coverage({ part, status: 'unavailable', message: `${what} are not seen: ${file_path} ${why}. ${advice}` })
  }

  async function look() {
    if (is_first_look) {
      const sessions = await openSessions(config.root, identity)
      if (sessions.length > 0) await emitUntilTaken(deps, 'ocsf', sessions, signal)
      is_first_look = false
    }
    for (const { name, file } of files) {
      const before = checkpoints[name]
      const result = await file.read(before).catch((error: NodeJS.ErrnoException) => {
        report(name, file.path, error.code ?? messageOf(error))
      })
      if (!result) {
        // A file that appears later is new: it is read from its beginning.
        checkpoints[name] ??= { inode: '', offset: 0 }
        continue
      }
      report(name, file.path, '')
      if (result.records.length > 0) await emitUntilTaken(deps, 'ocsf', result.records, signal)
      checkpoints[name] = result.checkpoint
      const moved = before?.offset !== result.checkpoint.offset || before.inode !== result.checkpoint.inode
      if (moved) await writeJsonAtomically(path, checkpoints)
    }
  }

  await repeat(config.login_interval_ms, signal, look, (error) => {
    deps.coverage({
      part: 'logins',
      status: 'degraded',
      message: `Reading the log-in files failed: ${messageOf(error)}.`,
    })
  })
}
