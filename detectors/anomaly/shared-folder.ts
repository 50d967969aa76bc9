import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import type { SharedState } from '../contract.js'

const packed = z.object({
  folder: z.string().regex(/^[a-z0-9-]+$/),
  // Names of our own making: nothing in them leads out of the folder.
  files: z.record(z.string().regex(/^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/), z.base64()),
})

/** Saves an artifact's folder where other processes find it. */
export async function shareFolder(shared: SharedState, name: string, dir: string): Promise<void> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files[relative(dir, path)] = (await readFile(path)).toString('base64')
  }
  await shared.save(name, JSON.stringify({ folder: basename(dir), files }))
}

/**
 * Brings the newest artifact that any process shared into `parent`, under the name it had there. False if there is none, or
 * it is there already. The artifact is checked by whoever reads it.
 */
export async function fetchFolder(shared: SharedState, name: string, parent: string): Promise<boolean> {
  const [newest] = await shared.load(name)
  if (!newest) return false
  const { folder, files } = packed.parse(JSON.parse(newest.content))
  const dir = join(parent, folder)
  const fresh = join(dirname(dir), `.${folder}.fetched`)
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(fresh, file)), { recursive: true, mode: 0o700 })
    await writeFile(join(fresh, file), Buffer.from(content, 'base64'), { mode: 0o600 })
  }
  try {
    await rename(fresh, dir)
    return true
  } catch {
    await rm(fresh, { recursive: true, force: true })
    return false
  }
}
