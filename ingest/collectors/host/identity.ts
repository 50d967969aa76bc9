import { hostname as osHostname, release } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, Workload } from '../../../ocsf/event.js'
import { vmWorkload } from '../../../ocsf/workload.js'
import type { ContainerView } from './containers.js'
import { readText } from './procfs.js'

/** Who this machine is. */
export type HostIdentity = {
  readonly workload: Workload
  /** OCSF device object of every event of this machine. */
  readonly device: JsonObject
  /** Differs after each boot. */
  readonly boot_id: string
}

/** The device of an event: the machine, and the container on it that the event is about. */
export function deviceOf(identity: HostIdentity, container: ContainerView | undefined): JsonObject {
  return container ? { ...identity.device, container: container.container } : identity.device
}

const CLOUD_INIT_PLACEHOLDERS = /^(iid-datasource-none|nocloud|i-nocloud|iid-local\d*)$/

/**
 * Reads the identity below `root` (`/`, or where the host's file system is mounted in a container): the cloud's instance
 * id where it is readable without asking the network, else the machine id, else the host name.
 */
export function hostIdentity(root: string): HostIdentity {
  const hostname = firstWord(readText(join(root, 'etc/hostname'))) ?? osHostname()
  const cloud = cloudInstance(root)
  const id = cloud?.id ?? firstWord(readText(join(root, 'etc/machine-id'))) ?? hostname
  return {
    workload: vmWorkload(id, hostname, cloud?.provider ? { provider: cloud.provider } : {}),
    device: {
      uid: id,
      hostname,
      type_id: cloud ? 6 : 1,
      ...(cloud ? { instance_uid: cloud.id } : {}),
      os: operatingSystem(root),
    },
    boot_id: firstWord(readText(join(root, 'proc/sys/kernel/random/boot_id'))) ?? 'unknown-boot',
  }
}

function cloudInstance(root: string): { id: string; provider?: string } | undefined {
  // Nitro instances of EC2 carry their id in a world-readable DMI field.
  const asset = firstWord(readText(join(root, 'sys/class/dmi/id/board_asset_tag')))
  if (asset && /^i-[0-9a-f]{8,17}$/.test(asset)) return { id: asset, provider: 'aws' }
  const id = firstWord(readText(join(root, 'var/lib/cloud/data/instance-id')))
  if (!id || CLOUD_INIT_PLACEHOLDERS.test(id)) return undefined
  const provider = firstWord(readText(join(root, 'run/cloud-init/cloud-id')))
  return provider ? { id, provider } : { id }
}

function operatingSystem(root: string): JsonObject {
  const types: Record<string, number> = { linux: 200, darwin: 300, win32: 100 }
  const osRelease = readText(join(root, 'etc/os-release')) ?? ''
  const field = (name: string) => osRelease.match(new RegExp(`^${name}="?([^"\n]*)"?$`, 'm'))?.[1]
  const version = field('VERSION_ID')
  return {
    name: field('NAME') ?? process.platform,
    type_id: types[process.platform] ?? 99,
    kernel_release: release(),
    ...(version ? { version } : {}),
  }
}

function firstWord(text: string | undefined): string | undefined {
  return text?.trim().split(/\s/)[0] || undefined
}
