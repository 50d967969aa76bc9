/** One thing the doctor looked at. `fail` is kept for what makes `weir up` impossible. */
export type Check = {
  readonly name: string
  readonly status: 'ok' | 'warn' | 'fail'
  /** What is there, one or two sentences. */
  readonly found: string
  /** What to do about it. */
  readonly todo?: string
}

/** Nothing to do. */
export function ok(name: string, found: string): Check {
  return { name, status: 'ok', found }
}

/** Weir runs, but sees or does less. */
export function warn(name: string, found: string, todo: string): Check {
  return { name, status: 'warn', found, todo }
}

/** `weir up` cannot run. */
export function fail(name: string, found: string, todo: string): Check {
  return { name, status: 'fail', found, todo }
}

/** 1.5 GB, 340 MB: decimal units, as disks are sold. */
export function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`
}
