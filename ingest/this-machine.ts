import { hostIdentity } from './collectors/host/identity.js'
import type { CollectorDeps } from './contract.js'

/**
 * Marks every record as written on this machine, so that those which name no machine become events of the workload that
 * the host collector reports. `root` is where the machine's file system is mounted.
 */
export function ofThisMachine(deps: CollectorDeps, root = '/'): CollectorDeps {
  const { device, workload } = hostIdentity(root)
  const host = { id: String(device.uid), name: workload.name }
  return {
    ...deps,
    emit: (format, records, repeats) =>
      deps.emit(
        format,
        records.map((record) => ({ host, ...record })),
        repeats,
      ),
  }
}
