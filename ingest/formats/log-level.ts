/** OCSF severities: 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal. */
const LEVELS: { readonly [word: string]: number } = {
  verbose: 1,
  trace: 1,
  debug: 1,
  default: 1,
  info: 1,
  information: 1,
  informational: 1,
  notice: 1,
  normal: 1,
  low: 2,
  warn: 3,
  warning: 3,
  medium: 3,
  error: 4,
  err: 4,
  high: 4,
  critical: 5,
  fatal: 6,
  alert: 5,
  emergency: 6,
  panic: 6,
}

/** The severity of a log level in words of any case; `fallback` (informational) where there is none. */
export function severityOf(level: string | undefined, fallback = 1): { severity_id: number; severity?: string } {
  if (level === undefined) return { severity_id: fallback }
  const word = level.toLowerCase()
  const known = Object.hasOwn(LEVELS, word) ? LEVELS[word] : undefined
  return known === undefined ? { severity_id: 99, severity: level } : { severity_id: known }
}
