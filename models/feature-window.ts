import type { OcsfEvent, Workload } from '../ocsf/event.js'
import { type Cell, createCell, GAUGES, resetCell, vectorOf } from './feature-cell.js'
import { extract } from './feature-extract.js'
import { EVIDENCE_SOURCES, FEATURES } from './features.js'

/** One workload in one minute. */
export type FeatureRow = {
  readonly workload: Workload
  /** What it should be like: kind and workload group. */
  readonly group: string
  /** Start of the window, ms since 1970. */
  readonly minute: number
  readonly vector: Float32Array
  /** Uids of telling events, by EVIDENCE_SOURCES. */
  readonly evidence: readonly (readonly string[])[]
}

export type FeatureWindowOptions = {
  readonly window_ms: number
  /** How long after its end a window still takes events, ms. */
  readonly lateness_ms: number
  /** Workloads with state at one time; events of further ones are counted as `overflow`. */
  readonly max_workloads?: number
  /** Open windows at one time; beyond it the oldest are closed early. */
  readonly max_open?: number
  /** Events this far after the last watermark are refused: a wrong clock must not hold memory for years. */
  readonly max_ahead_ms?: number
}

export type FeatureWindow = {
  /** Counts the event into its workload's window. Events without workload or time are counted as `unusable`. */
  add(event: OcsfEvent): void
  /** Rows of all windows that ended `lateness_ms` before the watermark, oldest first; of all windows at Infinity. */
  close(watermark: number): FeatureRow[]
  /** What did not become part of a row, and what is held. */
  stats(): { late: number; ahead: number; overflow: number; unusable: number; open: number; workloads: number }
}

type Slot = {
  readonly group: string
  /** The window the last event went to, which is where the next one most likely goes too. */
  current: Cell | undefined
  readonly open: Map<number, Cell>
  /** Windows up to this number are closed. */
  closed: number
  readonly carried: Float64Array
}

/** The one code path from events to behaviour features: training, evaluation and streaming all use it. */
export function createFeatureWindow(options: FeatureWindowOptions): FeatureWindow {
  const { window_ms, lateness_ms, max_workloads = 20_000, max_open = 20_000, max_ahead_ms = 7 * 86_400_000 } = options
  const slots = new Map<string, Slot>()
  const byWindow = new Map<number, Cell[]>()
  const spare: Cell[] = []
  let early: FeatureRow[] = []
  let open = 0
  let watermarkSeen = Number.NEGATIVE_INFINITY
  let lastUid: string | undefined
  let lastSlot: Slot | undefined
  const lost = { late: 0, ahead: 0, overflow: 0, unusable: 0 }

  function slotOf(workload: Workload): Slot | undefined {
    const found = slots.get(workload.uid)
    if (found) return found
    if (slots.size >= max_workloads) {
      for (const [uid, slot] of slots) if (slot.open.size === 0) slots.delete(uid)
      lastUid = undefined
      if (slots.size >= max_workloads) return undefined
    }
    const slot: Slot = {
      group: `${workload.kind}/${workload.group}`,
      current: undefined,
      open: new Map(),
      closed: Number.NEGATIVE_INFINITY,
      carried: new Float64Array(GAUGES.length),
    }
    slots.set(workload.uid, slot)
    return slot
  }

  function openCell(slot: Slot, workload: Workload, window: number): Cell | undefined {
    const held = slot.open.get(window)
    if (held) return held
    if (window <= slot.closed || (window + 1) * window_ms <= watermarkSeen - lateness_ms) {
      lost.late++
      return undefined
    }
    if (window * window_ms > watermarkSeen + max_ahead_ms && watermarkSeen > 0) {
      lost.ahead++
      return undefined
    }
    if (open >= max_open) closeOldest()
    const cell = spare.pop() ?? createCell(workload, window)
    if (cell.workload !== workload || cell.window !== window || cell.events > 0) resetCell(cell, workload, window)
    slot.open.set(window, cell)
    const cells = byWindow.get(window)
    if (cells) cells.push(cell)
    else byWindow.set(window, [cell])
    open++
    return cell
  }

  function closeOldest() {
    let oldest = Number.POSITIVE_INFINITY
    for (const window of byWindow.keys()) if (window < oldest) oldest = window
    closeWindow(oldest, early)
  }

  function closeWindow(window: number, rows: FeatureRow[]) {
    for (const cell of byWindow.get(window) ?? []) {
      const slot = slots.get(cell.workload.uid)
      if (!slot) continue
      rows.push({
        workload: cell.workload,
        group: slot.group,
        minute: window * window_ms,
        vector: vectorOf(cell, slot.carried),
        evidence: cell.evidence.slice(),
      })
      slot.open.delete(window)
      if (slot.current === cell) slot.current = undefined
      if (window > slot.closed) slot.closed = window
      open--
      if (spare.length < 1_000) {
        // Marked as used, so that it is emptied before it serves again.
        cell.events = Math.max(1, cell.events)
        spare.push(cell)
      }
    }
    byWindow.delete(window)
  }

  return {
    add(event) {
      const workload = event.workload
      if (workload === undefined || !Number.isFinite(event.time)) {
        lost.unusable++
        return
      }
      const uid = workload.uid
      let slot = lastSlot
      if (uid !== lastUid || slot === undefined) {
        slot = slotOf(workload)
        if (slot === undefined) {
          lost.overflow++
          return
        }
        lastUid = uid
        lastSlot = slot
      }
      const window = Math.floor(event.time / window_ms)
      let cell = slot.current
      if (cell === undefined || cell.window !== window) {
        cell = openCell(slot, workload, window)
        if (cell === undefined) return
        slot.current = cell
      }
      extract(cell, event)
    },
    close(watermark) {
      // The end of one input (Infinity) closes what is open; it must not make everything after it late.
      const newest = (Math.max(...byWindow.keys()) + 1) * window_ms + lateness_ms
      watermarkSeen = Math.max(watermarkSeen, Number.isFinite(watermark) ? watermark : newest)
      const rows = early
      early = []
      const ended = [...byWindow.keys()].filter((window) => (window + 1) * window_ms <= watermarkSeen - lateness_ms)
      for (const window of ended.sort((a, b) => a - b)) closeWindow(window, rows)
      return rows
    },
    stats: () => ({ ...lost, open, workloads: slots.size }),
  }
}

/** Uids of the events behind these features, oldest first, at most 20. */
export function evidenceOf(row: FeatureRow, features: readonly string[]): string[] {
  const wanted = new Set(features)
  const sources = new Set<string>(FEATURES.filter((feature) => wanted.has(feature.name)).map((f) => f.source))
  const uids = EVIDENCE_SOURCES.flatMap((source, at) => (sources.has(source) ? (row.evidence[at] ?? []) : []))
  // Uids start with the event time (ocsf/uid.ts), so their order is the order of events.
  return [...new Set(uids)].slice(0, 20).sort()
}
