/** What a system call does to a file, as OCSF's File Activity; opening is decided by its flags. */
const FILE_CALLS: { readonly [call: string]: number } = calls({
  1: 'creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat memfd_create',
  2: 'read pread64 readv readlink readlinkat getdents getdents64 open_by_handle_at',
  3: 'write pwrite64 writev truncate ftruncate fallocate copy_file_range sendfile splice fsync fdatasync',
  4: 'unlink unlinkat rmdir',
  5: 'rename renameat renameat2',
  6: 'utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr',
  7: 'chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat',
  8: 'stat fstat lstat newfstatat statx access faccessat faccessat2 getxattr lgetxattr fgetxattr statfs fstatfs listxattr llistxattr flistxattr name_to_handle_at',
  12: 'mount move_mount fsmount',
  13: 'umount umount2',
  14: 'chdir fchdir chroot',
})

/** What a system call does to a process, as OCSF's Process Activity. */
const PROCESS_CALLS: { readonly [call: string]: number } = calls({
  1: 'execve execveat fork vfork clone clone3',
  2: 'exit exit_group kill tkill tgkill pidfd_send_signal rt_sigqueueinfo',
  3: 'ptrace process_vm_readv pidfd_open pidfd_getfd',
  4: 'process_vm_writev',
  5: 'setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid capset setgroups',
})

/** Calls of sockets, as OCSF's Network Activity. */
const NETWORK_CALLS: { readonly [call: string]: number } = calls({
  1: 'connect accept accept4',
  6: 'sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg',
  7: 'bind listen',
  2: 'shutdown',
  99: 'socket socketpair setsockopt getsockopt socketcall getpeername getsockname',
})

function calls(lists: { [activity: number]: string }): { readonly [call: string]: number } {
  const table: { [call: string]: number } = Object.create(null)
  for (const [activity, list] of Object.entries(lists))
    for (const call of list.split(' ')) table[call] = Number(activity)
  return table
}

/** The group of classes a system call belongs to. */
export type CallKind =
  | { readonly kind: 'file' | 'process' | 'network'; readonly activity: number }
  | { readonly kind: 'open' | 'module' | 'other' }

const OTHER: CallKind = { kind: 'other' }

export function callKind(call: string | undefined): CallKind {
  if (call === undefined) return OTHER
  if (/^open(at|at2)?$/.test(call)) return { kind: 'open' }
  if (/^(f?init|delete|create)_module$/.test(call)) return { kind: 'module' }
  const file = FILE_CALLS[call]
  if (file !== undefined) return { kind: 'file', activity: file }
  const process = PROCESS_CALLS[call]
  if (process !== undefined) return { kind: 'process', activity: process }
  const network = NETWORK_CALLS[call]
  return network === undefined ? OTHER : { kind: 'network', activity: network }
}

const WRITES = 0x1 | 0x2 | 0x200
/** Whether the flags of an open (hexadecimal, or names as ausearch -i writes them) ask for more than reading. */
export function opensForWriting(flags: string | undefined): boolean {
  if (flags === undefined) return false
  if (/^(0x)?[0-9a-f]{1,16}$/i.test(flags)) return (Number.parseInt(flags, 16) & WRITES) !== 0
  return /O_WRONLY|O_RDWR|O_TRUNC/.test(flags)
}
