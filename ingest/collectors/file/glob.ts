import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/**
 * Paths that match a pattern: `*` and `?` within a name, `[a-z]`, `{a,b}`, and `**` for any number of folders (links
 * to folders are not followed there). Names that begin with a dot match only a pattern that begins with one. Folders
 * that are absent or closed to us match nothing.
 */
export async function filesMatching(pattern: string): Promise<string[]> {
  const found = new Set<string>()
  for (const plain of expandBraces(resolve(pattern))) {
    const segments = plain.split('/').filter((segment) => segment !== '')
    await walk('/', segments, found)
  }
  return [...found].sort()
}

async function walk(folder: string, segments: readonly string[], found: Set<string>): Promise<void> {
  const [segment, ...rest] = segments
  if (segment === undefined) return
  if (!/[*?[]/.test(segment)) {
    const path = join(folder, segment)
    if (rest.length > 0) await walk(path, rest, found)
    else found.add(path)
    return
  }
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  if (segment === '**') {
    await walk(folder, rest.length > 0 ? rest : ['*'], found)
    for (const entry of entries) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) await walk(join(folder, entry.name), segments, found)
    }
    return
  }
  const matches = segmentPattern(segment)
  for (const { name } of entries) {
    if (!matches.test(name)) continue
    if (rest.length > 0) await walk(join(folder, name), rest, found)
    else found.add(join(folder, name))
  }
}

/** One path segment as a regular expression. */
export function segmentPattern(segment: string): RegExp {
  let source = segment.startsWith('.') ? '' : '(?!\\.)'
  for (let at = 0; at < segment.length; at++) {
    const character = segment.charAt(at)
    const close = segment.indexOf(']', at + 2)
    if (character === '*') source += '.*'
    else if (character === '?') source += '.'
    else if (character === '[' && close !== -1) {
      const set = segment
        .slice(at + 1, close)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')
        .replaceAll('[', '\\[')
      source += `[${set}]`
      at = close
    } else source += character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  }
  return new RegExp(`^${source}$`, 's')
}

/** `a{b,c}d` is `abd` and `acd`. */
function expandBraces(pattern: string): string[] {
  const match = pattern.match(/^(.*?)\{([^{}]*)\}(.*)$/s)
  if (!match) return [pattern]
  const [, before = '', choices = '', after = ''] = match
  return choices.split(',').flatMap((choice) => expandBraces(`${before}${choice}${after}`))
}
