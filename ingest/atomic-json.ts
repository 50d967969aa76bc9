import { open, readFile, rename } from 'node:fs/promises'

/** Replaces the file in one step, readable by its owner only: a crash leaves the old or the new content, never half of it. */
export async function writeJsonAtomically(path: string, value: unknown): Promise<void> {
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(value))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

/** The parsed file, or undefined if there is none or it is not JSON (then the caller starts as if for the first time). */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
