import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** User names by numeric id from `<root>/etc/passwd`; the file is read again when it changed. */
export function userNames(root: string): (uid: string) => string | undefined {
  const path = join(root, 'etc/passwd')
  let names = new Map<string, string>()
  let read_mtime_ms = -1
  let checked_ms = 0

  function refresh() {
    try {
      const mtime_ms = statSync(path).mtimeMs
      if (mtime_ms === read_mtime_ms) return
      names = parsePasswd(readFileSync(path, 'utf8'))
      read_mtime_ms = mtime_ms
    } catch {
      // Names are a convenience: without the file the numeric id stands alone.
      names = new Map()
    }
  }

  return (uid) => {
    const now_ms = Date.now()
    if (now_ms - checked_ms > 1000 || now_ms < checked_ms) {
      checked_ms = now_ms
      refresh()
    }
    return names.get(uid)
  }
}

function parsePasswd(text: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':')
    if (name && uid && !names.has(uid)) names.set(uid, name)
  }
  return names
}
