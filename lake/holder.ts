import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './staging.js'

/** The process that has the lake in this folder open, if one has: the engine writes its id into the file it locks. */
export function lakeHolder(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/m.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1])
    return Number.isSafeInteger(pid) && isAlive(pid) ? pid : undefined
  } catch {
    return undefined
  }
}
