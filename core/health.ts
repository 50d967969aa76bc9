import { messageOf } from './errors.js'
import type { Service } from './lifecycle.js'
import type { Metrics } from './metrics.js'

/** Whether something works; the message says what is wrong and what to do, or what it is connected to. */
export type Health = { readonly ok: boolean; readonly message: string }

/** What a process knows of one thing it depends on. */
export type DependencyState = Health & {
  readonly name: string
  /** Since when it has been so, ms since 1970. */
  readonly since: number
  /** False for what is shown, and what the process works without. */
  readonly is_required: boolean
}

/** What a process depends on, asked again and again. */
export type HealthBoard = Service & {
  /**
   * Adds a dependency; a name that is there already is replaced. Not ready until the probe has said so, unless it is not
   * required.
   */
  watch(name: string, probe: () => Health | Promise<Health>, options?: { is_required: boolean }): void
  /** Every dependency in the order they were added. */
  states(): readonly DependencyState[]
  /** True if every required dependency works; false while there is none. */
  isReady(): boolean
  /** Asks every probe now. */
  refresh(): Promise<void>
}

export type HealthBoardOptions = {
  readonly metrics: Metrics
  /** Time between two questions, ms. */
  readonly every_ms?: number
  /** A probe that takes longer has failed, ms. */
  readonly within_ms?: number
  readonly now?: () => number
}

type Entry = {
  state: DependencyState
  readonly probe: () => Health | Promise<Health>
  asking: Promise<void> | undefined
}

/** A board without dependencies; `start` begins to ask. Each state is also the gauge `weir_dependency_up`. */
export function createHealthBoard(options: HealthBoardOptions): HealthBoard {
  const { metrics, every_ms = 1_000, within_ms = 5_000, now = Date.now } = options
  const entries = new Map<string, Entry>()
  let timer: NodeJS.Timeout | undefined

  function note(name: string, entry: Entry, { ok, message }: Health) {
    const { state } = entry
    entry.state = { ...state, ok, message, since: state.ok === ok ? state.since : now() }
    metrics.gauge('dependency_up', { dependency: name }, ok ? 1 : 0)
    if (state.ok && !ok) metrics.count('dependency_failures', { dependency: name })
  }

  async function ask(name: string, entry: Entry) {
    const late = new AbortController()
    const timeout = new Promise<Health>((resolve) => {
      const limit = setTimeout(() => resolve({ ok: false, message: `no answer within ${within_ms} ms` }), within_ms)
      late.signal.addEventListener('abort', () => clearTimeout(limit))
    })
    try {
      note(name, entry, await Promise.race([Promise.resolve(entry.probe()), timeout]))
    } catch (error) {
      note(name, entry, { ok: false, message: messageOf(error) })
    } finally {
      late.abort()
    }
  }

  async function refresh() {
    const asked = [...entries].map(([name, entry]) => {
      entry.asking ??= ask(name, entry).finally(() => {
        entry.asking = undefined
      })
      return entry.asking
    })
    await Promise.all(asked)
  }

  return {
    name: 'health',
    watch(name, probe, { is_required } = { is_required: true }) {
      const state = { name, ok: false, message: 'not asked yet', since: now(), is_required }
      entries.set(name, { state, probe, asking: undefined })
    },
    states: () => [...entries.values()].map(({ state }) => state),
    isReady() {
      const required = [...entries.values()].filter(({ state }) => state.is_required)
      return required.length > 0 && required.every(({ state }) => state.ok)
    },
    refresh,
    async start() {
      timer = setInterval(() => void refresh(), every_ms)
      timer.unref()
      await refresh()
    },
    async stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
