import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'

/** The token kept in this file; made when there is none yet. Readable by its owner only. */
export async function keptToken(path: string): Promise<string> {
  try {
    await writeFile(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await chmod(path, 0o600)
  return (await readFile(path, 'utf8')).trim()
}

/** Compares an Authorization header with the token in a time that tells nothing about it. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const shown = header?.match(/^Bearer +(\S+) *$/i)?.[1]
  return shown !== undefined && timingSafeEqual(digest(shown), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
