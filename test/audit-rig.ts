import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../core/paths.js'
import { mustRun } from './must-run.js'
import { debianLibraries, onPath, unpackDebian } from './stack/debian.js'

const run = promisify(execFile)

/** A real auditd with a log of its own. */
export type AuditRig = {
  readonly log: string
  /** A program that is `auditctl`. */
  readonly auditctl: string
  /** `auditctl` with these arguments. */
  control(...args: string[]): Promise<string>
  /** Takes the rules of this rig away, ends auditd and switches the kernel's audit off again if it was off. */
  stop(): Promise<void>
}

/** Why no auditd can run here; false if one can. In CI it is always false. */
export function noAudit(): string | false {
  if (mustRun()) return false
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'auditd needs Linux and root'
  const unpacked = existsSync(join(packageRoot, '.stack', 'auditd', 'root'))
  return unpacked || onPath('apt-get') !== undefined ? false : 'auditd is not here and cannot be fetched'
}

/** Starts Debian's auditd (unpacked below .stack, not installed). Throws if the kernel's audit belongs to somebody else. */
export async function startAudit(): Promise<AuditRig> {
  const folder = join(packageRoot, '.stack', 'auditd')
  if (!existsSync(join(folder, 'root'))) await unpackDebian(folder, ['auditd'])
  const root = join(folder, 'root')
  const env = { ...process.env, LD_LIBRARY_PATH: (await debianLibraries(root)).join(delimiter) }
  const programs = existsSync(join(root, 'sbin/auditctl')) ? join(root, 'sbin') : join(root, 'usr/sbin')
  const control = async (...args: string[]) => (await run(join(programs, 'auditctl'), args, { env })).stdout
  const before = await control('-s')
  if (!/^pid 0$/m.test(before)) throw new Error(`another audit daemon runs here: ${before}`)

  const place = mkdtempSync(join(tmpdir(), 'weir-audit-'))
  const log = join(place, 'audit.log')
  const auditctl = join(place, 'auditctl')
  const script = `#!/bin/sh\nLD_LIBRARY_PATH='${env.LD_LIBRARY_PATH}' exec '${join(programs, 'auditctl')}' "$@"\n`
  await writeFile(auditctl, script, { mode: 0o755 })
  await mkdir(join(place, 'plugins.d'))
  await writeFile(join(place, 'auditd.conf'), configuration(log, place), { mode: 0o640 })
  const daemon = spawn(join(programs, 'auditd'), ['-n', '-c', place], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  daemon.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()))
  const stop = async () => {
    await control('-D').catch(() => '')
    if (daemon.exitCode === null) daemon.kill('SIGTERM')
    await ended
    if (/^enabled 0$/m.test(before)) await control('-e', '0').catch(() => '')
    await rm(place, { recursive: true, force: true })
  }
  const deadline_ms = Date.now() + 10_000
  while (!existsSync(log) || !new RegExp(`^pid ${daemon.pid}$`, 'm').test(await control('-s'))) {
    if (Date.now() > deadline_ms || daemon.exitCode !== null) {
      await stop()
      throw new Error(`auditd did not start: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { log, auditctl, control, stop }
}

function configuration(log: string, place: string): string {
  return `local_events = yes
write_logs = yes
log_file = ${log}
log_group = root
log_format = ENRICHED
flush = NONE
max_log_file = 8
num_logs = 5
name_format = NONE
plugin_dir = ${join(place, 'plugins.d')}
max_log_file_action = ROTATE
space_left = 1
space_left_action = IGNORE
admin_space_left = 0
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
`
}
