import { isIP } from 'node:net'
import type { Workload } from '../../ocsf/event.js'
import { vmWorkload } from '../../ocsf/workload.js'
import type { FormatContext } from '../contract.js'
import { defined, type JsonRecord } from './fields.js'

/** What a record says about the machine it comes from. */
export type MachineHints = {
  readonly hostname?: string | undefined
  /** The cloud's instance id. */
  readonly instance?: string | undefined
  /** The machine id, or what the source uses for one. */
  readonly uid?: string | undefined
  readonly ip?: string | undefined
  /** The cloud's name of the machine, such as an Azure resource id. */
  readonly resource?: string | undefined
  /** OCSF type of operating system: 100 Windows, 200 Linux, 300 macOS. */
  readonly os_type_id?: number | undefined
  readonly os_name?: string | undefined
}

export type Machine = { readonly device: JsonRecord; readonly workload: Workload | undefined }

const OS_NAMES: { readonly [type: number]: string } = { 100: 'Windows', 200: 'Linux', 300: 'macOS' }

/**
 * Device and workload of a record. Where the collector knows the machine (`context.host`) and the record names none or
 * this one, it is the workload that the host collector reports too; else the record's own id or host name stands for it.
 */
export function machineOf(hints: MachineHints, context: FormatContext): Machine {
  const { host } = context
  const { hostname, instance, uid } = hints
  const ip = hints.ip !== undefined && isIP(hints.ip) !== 0 ? hints.ip : undefined
  const is_host = host !== undefined && (hostname === undefined ? uid === undefined : sameName(hostname, host.name))
  const name = hostname ?? (is_host ? host.name : undefined)
  const id = instance ?? (is_host ? host.id : undefined) ?? uid ?? name ?? ip
  const os = osOf(hints)
  // OCSF wants a device for what happens on one. Without a name or address it stays unnamed, and so does the workload.
  const device = defined({
    uid: is_host ? host.id : (uid ?? instance),
    instance_uid: instance,
    uid_alt: hints.resource,
    hostname: name,
    name: id === undefined ? 'unknown' : undefined,
    ip,
    type_id: instance === undefined ? 0 : 6,
    os,
  })
  return { device, workload: id === undefined ? undefined : vmWorkload(id, name ?? id) }
}

function osOf({ os_type_id, os_name }: MachineHints): JsonRecord | undefined {
  if (os_type_id === undefined && os_name === undefined) return undefined
  return { name: os_name ?? OS_NAMES[os_type_id ?? 0] ?? 'Unknown', type_id: os_type_id ?? 0 }
}

/** Logs shorten names: `web-1` and `web-1.example.org` are one machine. */
function sameName(a: string, b: string): boolean {
  const short = (name: string) => name.toLowerCase().split('.')[0]
  return a.toLowerCase() === b.toLowerCase() || (short(a) === short(b) && (!a.includes('.') || !b.includes('.')))
}
