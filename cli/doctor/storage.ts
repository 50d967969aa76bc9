import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { messageOf, WeirError } from '../../core/errors.js'
import { findEndpoint } from '../../lake/endpoint/discovery.js'
import { lakeHolder } from '../../lake/holder.js'
import { openLake } from '../../lake/open.js'
import { stagingParent } from '../../lake/staging.js'
import { type Check, fail, ok, size, warn } from './check.js'

/** Less than this and the engine cannot merge; less than `LOW_BYTES` and a busy day may fill the disk. */
const LEAST_BYTES = 200e6
const LOW_BYTES = 5e9
/** Room for the blocks in flight, several times over. */
const LEAST_STAGING_BYTES = 200e6

/** Opens an empty lake in a temporary folder: the engine loads, the tables can be made, and how long that takes. */
export async function checkEngine(): Promise<Check> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-doctor-'))
  const started = performance.now()
  try {
    const lake = await openLake({ path: join(folder, 'lake') })
    try {
      const [row] = await lake.select<{ version: string }>('SELECT version() AS version')
      return ok(
        'chdb',
        `ClickHouse ${row?.version}; an empty lake opens in ${Math.round(performance.now() - started)} ms`,
      )
    } finally {
      await lake.close()
    }
  } catch (error) {
    const todo =
      error instanceof WeirError && error.hint
        ? error.hint
        : 'Run `npm install` again; chdb needs glibc on x64 or arm64.'
    return fail('chdb', messageOf(error), todo)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The data folder can be written, has room, is private, and no other process has its lake open. */
export function checkDataDir(data_dir: string): Check[] {
  const path = resolve(data_dir)
  const existing = nearestExisting(path)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch {
    const todo = 'Choose another folder (data_dir, or weir up --data-dir), or give this user the right to write.'
    return [fail('data folder', `${existing} cannot be written by this user`, todo)]
  }
  const { bavail, bsize } = statfsSync(existing)
  const free = bavail * bsize
  const isNew = existing !== path
  const found = `${path}${isNew ? ' (does not exist yet)' : ''}, ${size(free)} free`
  if (free < LEAST_BYTES)
    return [fail('data folder', found, `Free ${size(LEAST_BYTES)} or more, or choose another disk.`)]
  return [privacyOrRoom(path, found, free, isNew), checkHolder(path)]
}

function privacyOrRoom(path: string, found: string, free: number, isNew: boolean): Check {
  if (!isNew && (statSync(path).mode & 0o077) !== 0) {
    return warn('data folder', `${found}; others on this machine can look into it`, `chmod 700 ${path}`)
  }
  if (free < LOW_BYTES) {
    return warn('data folder', found, 'Keep rows for fewer days (lake.retention_days), or choose a larger disk.')
  }
  return ok('data folder', found)
}

function checkHolder(path: string): Check {
  const holder = lakeHolder(join(path, 'lake'))
  if (holder === undefined) return ok('lake', existsSync(join(path, 'lake')) ? 'closed, free to open' : 'none yet')
  if (findEndpoint(path)?.pid === holder) return ok('lake', `open in the Weir that runs as process ${holder}`)
  return fail(
    'lake',
    `process ${holder} has it open`,
    `Stop process ${holder}, or use another folder (weir up --data-dir).`,
  )
}

/** Where blocks stand between the encoder and the engine; in memory it costs no disk writes. */
export function checkStaging(): Check {
  const parent = stagingParent()
  const { bavail, bsize } = statfsSync(parent)
  const found = `${parent}, ${size(bavail * bsize)} free`
  if (parent === tmpdir()) {
    return warn(
      'staging',
      `${found}; not in memory, so every block is written to a disk twice`,
      'On Linux, mount a tmpfs on /dev/shm that this user may write.',
    )
  }
  if (bavail * bsize < LEAST_STAGING_BYTES) {
    return warn('staging', found, 'Make it larger: docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm.')
  }
  return ok('staging', found)
}

function nearestExisting(path: string): string {
  let folder = path
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}
