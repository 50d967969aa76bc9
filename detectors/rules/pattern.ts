/** A piece of a Sigma string: text, or a wildcard. */
export type Part = string | { readonly wildcard: '*' | '?' }

/** A Sigma string as parts: `*` and `?` are wildcards unless a backslash stands before them. */
export function parsePattern(text: string): Part[] {
  const parts: Part[] = []
  let literal = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    const next = text[at + 1]
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      literal += next
      at++
    } else if (char === '*' || char === '?') {
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push({ wildcard: char })
    } else literal += char
  }
  if (literal !== '') parts.push(literal)
  return parts
}

/** Where the text of a pattern may stand in the value. */
export type Place = 'equals' | 'contains' | 'startswith' | 'endswith'

/** Adds the open ends that `contains`, `startswith` and `endswith` mean. */
export function placed(parts: readonly Part[], place: Place): Part[] {
  const any: Part = { wildcard: '*' }
  const head = place === 'contains' || place === 'endswith' ? [any] : []
  const tail = place === 'contains' || place === 'startswith' ? [any] : []
  return [...head, ...parts, ...tail]
}

/** A test of a whole value against parts. Texts must have the case of the value that is tested. */
export function compileParts(parts: readonly Part[]): (value: string) => boolean {
  const isStar = (part: Part | undefined) => typeof part === 'object' && part.wildcard === '*'
  const startsOpen = isStar(parts[0])
  const endsOpen = isStar(parts.at(-1))
  const segments = segmentsOf(parts)
  const [only] = segments
  if (segments.length === 0) return parts.length === 0 ? (value) => value === '' : () => true
  if (segments.length === 1 && typeof only === 'string') {
    if (startsOpen && endsOpen) return (value) => value.includes(only)
    if (startsOpen) return (value) => value.endsWith(only)
    if (endsOpen) return (value) => value.startsWith(only)
    return (value) => value === only
  }
  return glob(segments, startsOpen, endsOpen)
}

type Segment = string | readonly Part[]

/** The runs between stars; a run without `?` is one string. */
function segmentsOf(parts: readonly Part[]): Segment[] {
  const segments: Part[][] = [[]]
  for (const part of parts) {
    if (typeof part === 'object' && part.wildcard === '*') segments.push([])
    else segments.at(-1)?.push(part)
  }
  return segments
    .filter((run) => run.length > 0)
    .map((run) => (run.length === 1 && typeof run[0] === 'string' ? run[0] : run))
}

function lengthOf(segment: Segment): number {
  if (typeof segment === 'string') return segment.length
  return segment.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 1), 0)
}

function fits(value: string, at: number, segment: Segment): boolean {
  if (typeof segment === 'string') return value.startsWith(segment, at)
  if (at + lengthOf(segment) > value.length) return false
  for (const part of segment) {
    if (typeof part === 'string' && !value.startsWith(part, at)) return false
    at += typeof part === 'string' ? part.length : 1
  }
  return true
}

function find(value: string, from: number, segment: Segment): number {
  if (typeof segment === 'string') return value.indexOf(segment, from)
  for (let at = from; at + lengthOf(segment) <= value.length; at++) if (fits(value, at, segment)) return at
  return -1
}

/** First run at the start, last at the end, those between as early as possible: never backtracks over a star. */
function glob(segments: readonly Segment[], startsOpen: boolean, endsOpen: boolean) {
  return (value: string): boolean => {
    let at = 0
    const rest = [...segments]
    if (!startsOpen) {
      const first = rest.shift()
      if (first === undefined || !fits(value, 0, first)) return false
      at = lengthOf(first)
      if (rest.length === 0 && !endsOpen) return at === value.length
    }
    const last = endsOpen ? undefined : rest.pop()
    for (const segment of rest) {
      const found = find(value, at, segment)
      if (found < 0) return false
      at = found + lengthOf(segment)
    }
    if (last === undefined) return true
    const end = value.length - lengthOf(last)
    return end >= at && fits(value, end, last)
  }
}

/** Text that every matching value contains, in ASCII lower case; whether it must stand at the start or the end. */
export type Literal = { readonly text: string; readonly start: boolean; readonly end: boolean }

/** The longest run of ASCII text in the parts; undefined if there is none. */
export function literalOf(parts: readonly Part[]): Literal | undefined {
  let best: Literal | undefined
  for (const [index, part] of parts.entries()) {
    if (typeof part !== 'string') continue
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range is what is meant
    for (const run of part.matchAll(/[\x00-\x7f]+/g)) {
      if (best !== undefined && run[0].length <= best.text.length) continue
      best = {
        text: run[0].toLowerCase(),
        start: index === 0 && run.index === 0,
        end: index === parts.length - 1 && run.index + run[0].length === part.length,
      }
    }
  }
  return best
}
