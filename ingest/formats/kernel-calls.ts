import { isIP } from 'node:net'
import type { JsonRecord } from './fields.js'

/** OCSF activities of File System Activity (1001). */
export const FILE = {
  create: 1,
  read: 2,
  update: 3,
  delete: 4,
  rename: 5,
  attributes: 6,
  security: 7,
  open: 14,
  mount: 12,
  unmount: 13,
}

/** OCSF activities of Network Activity (4001). */
export const NET = { open: 1, close: 2, traffic: 6, listen: 7, other: 99 }

const FILE_CALLS: readonly (readonly [pattern: RegExp, activity: number])[] = [
  [/umount/, FILE.unmount],
  [/mount/, FILE.mount],
  [/unlink|rmdir|inode_remove/, FILE.delete],
  [/rename/, FILE.rename],
  [/truncate|write|inode_update/, FILE.update],
  [/chown|setattr|utime|setxattr|removexattr/, FILE.attributes],
  [/chmod|fchmodat|set_acl/, FILE.security],
  [/mkdir|mknod|creat|symlink|link/, FILE.create],
  [/getdents|vfs_read|sys_read|pread|readv|readlink|magic_read/, FILE.read],
  [/open|fd_install|mmap|file_permission|bprm|execve|access|stat/, FILE.open],
]

const NET_CALLS: readonly (readonly [pattern: RegExp, activity: number])[] = [
  [/listen|bind/, NET.listen],
  [/connect|accept|tcp_v[46]_/, NET.open],
  [/close|shutdown|disconnect|destroy/, NET.close],
  [/send|recv|xmit|skb|rcv/, NET.traffic],
]

/** What a system call or kernel function does to a file, by its name; undefined if the name is of another kind. */
export function fileActivity(name: string): number | undefined {
  return find(FILE_CALLS, name)
}

/** What a system call or kernel function does on a network, by its name. */
export function networkActivity(name: string): number | undefined {
  return find(NET_CALLS, name)
}

/** True for functions and system calls that load a kernel module. */
export function loadsModule(name: string): boolean {
  return /init_module|kernel_read_file|module_request|kernel_module|load_module/.test(name)
}

/** True for those that change whom a process runs as. */
export function changesUser(name: string): boolean {
  return /commit_creds|set(re|res|fs)?[ug]id|setgroups/.test(name)
}

/** True for those by which one process reaches into another. */
export function injects(name: string): boolean {
  return /ptrace|process_vm_write/.test(name)
}

/** The name of a system call without what architectures and tracers write in front of it; undefined for other functions. */
export function systemCallOf(name: string): string | undefined {
  return /^(?:__[a-z0-9]{2,10}_)?(?:compat_)?sys_(?:enter_|exit_)?([a-z0-9_]{2,40})$/.exec(name)?.[1]
}

function find(calls: readonly (readonly [RegExp, number])[], name: string): number | undefined {
  const word = name.slice(0, 128)
  return calls.find(([pattern]) => pattern.test(word))?.[1]
}

/** OCSF connection of a protocol as the kernel (IPPROTO_TCP) or a person (TCP) writes it, and a direction. */
export function connectionOf(protocol: string | undefined, direction_id: number, ip: string | undefined): JsonRecord {
  const name = protocol?.replace(/^IPPROTO_/, '').toLowerCase()
  const number = name === undefined ? undefined : PROTOCOLS[name]
  const version = ip === undefined ? 0 : isIP(ip)
  return {
    direction_id,
    ...(name === undefined ? {} : { protocol_name: name }),
    ...(number === undefined ? {} : { protocol_num: number }),
    ...(version === 0 ? {} : { protocol_ver_id: version }),
  }
}

const PROTOCOLS: { readonly [name: string]: number } = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 }

/** OCSF file of a path. */
export function fileOf(path: string, type_id = 1): JsonRecord {
  const trimmed = path.length > 1 ? path.replace(/\/$/, '') : path
  const slash = trimmed.lastIndexOf('/')
  const name = trimmed.slice(slash + 1) || trimmed
  return {
    name,
    path,
    type_id,
    ...(slash < 0 ? {} : { parent_folder: slash === 0 ? '/' : trimmed.slice(0, slash) }),
  }
}
