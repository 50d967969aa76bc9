import type { OcsfEvent } from '../../ocsf/event.js'
import type { Row } from './table.js'

/** The workload columns of a row; empty where the event concerns no workload. */
export function workloadCells(event: OcsfEvent): Row {
  const workload = event.workload
  if (!workload) return {}
  return {
    workload_uid: workload.uid,
    workload_kind: workload.kind,
    workload_name: workload.name,
    workload_group: workload.group,
  }
}

/** The event as JSON, for columns that keep the whole of it. */
export function eventJson(event: OcsfEvent): string {
  return JSON.stringify(event)
}

/** Text, or nothing: for attributes whose type nobody has checked. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toWellFormed() : undefined
}

/** A number, or nothing. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The texts of a list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string').map((item) => item.toWellFormed()) : []
}
