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

/** A token, and what it allows: pushing these formats, or any. */
export type Grant = { readonly token: string; readonly formats?: readonly string[] | undefined }

/** Finds what an Authorization header allows, in a time that tells nothing about the tokens. Undefined: nothing. */
export function grantsOf(grants: readonly Grant[]): (header: string | undefined) => Grant | undefined {
  const known = grants.map((grant) => ({ grant, expected: digest(grant.token) }))
  return (header) => {
    const shown = digest(header?.match(/^Bearer +(\S+) *$/i)?.[1] ?? '')
    let found: Grant | undefined
    // All are compared, whichever fits.
    for (const { grant, expected } of known) if (timingSafeEqual(shown, expected)) found = grant
    return found
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
