import { type Logger, pino } from 'pino'

export type Log = Logger

/** Structured logs on stderr, so that stdout stays for results. Never pass secrets: what is logged is kept. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  )
}
