/** Record types by number, for lines that come from the kernel log or go-audit (`type=1400`, `UNKNOWN[1334]`). */
const TYPES: { readonly [number: string]: string } = numbered([
  [1005, 'USER LOGIN'],
  [
    1100,
    'USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC USER_CHAUTHTOK USER_ERR CRED_REFR USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP USER_SELINUX_ERR USER_CMD USER_TTY CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE',
  ],
  [1200, 'DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE DAEMON_RESUME'],
  [1207, 'DAEMON_ACCEPT DAEMON_CLOSE DAEMON_ERR'],
  [1300, 'SYSCALL FS_WATCH PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD'],
  [
    1309,
    'EXECVE IPC1310 IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT NETFILTER_CFG SECCOMP PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF EVENT_LISTENER URINGOP OPENAT2 DM_CTRL DM_EVENT',
  ],
  [1400, 'AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE'],
  [
    1500,
    'APPARMOR APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR APPARMOR_KILL',
  ],
  [1700, 'ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT'],
  [
    1800,
    'INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE',
  ],
  [2000, 'KERNEL'],
  [
    2100,
    'ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT ANOM_LOGIN_LOCATION ANOM_MAX_DAC ANOM_MAX_MAC ANOM_AMTU_FAIL ANOM_RBAC_FAIL ANOM_RBAC_INTEGRITY_FAIL ANOM_CRYPTO_FAIL ANOM_ACCESS_FS ANOM_EXEC ANOM_MK_EXEC ANOM_ADD_ACCT ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_ROOT_TRANS ANOM_LOGIN_SERVICE ANOM_LOGIN_ROOT ANOM_ORIGIN_FAILURES ANOM_SESSION',
  ],
  [
    2400,
    'CRYPTO_TEST_USER CRYPTO_PARAM_CHANGE_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_KEY_USER CRYPTO_FAILURE_USER CRYPTO_REPLAY_USER CRYPTO_SESSION CRYPTO_IKE_SA CRYPTO_IPSEC_SA',
  ],
  [2500, 'VIRT_CONTROL VIRT_RESOURCE VIRT_MACHINE_ID VIRT_INTEGRITY_CHECK VIRT_CREATE VIRT_DESTROY'],
])

function numbered(ranges: readonly (readonly [number, string])[]): { readonly [number: string]: string } {
  const names: { [number: string]: string } = Object.create(null)
  for (const [first, list] of ranges) for (const [n, name] of list.split(' ').entries()) names[first + n] = name
  return names
}

/** The name of a record type, which may be given as its number. */
export function typeName(type: string): string {
  const number = /^(?:UNKNOWN\[)?(\d{4})\]?$/.exec(type)?.[1]
  return number === undefined ? type : (TYPES[number] ?? type)
}

/** Types that the kernel writes as one of several lines; every other record is an event of its own. */
export const JOINED_TYPES: ReadonlySet<string> = new Set(
  'SYSCALL FS_WATCH PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD EXECVE IPC_SET_PERM MQ_OPEN MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR FD_PAIR OBJ_PID BPRM_FCAPS CAPSET MMAP NETFILTER_CFG SECCOMP FEATURE_CHANGE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF EVENT_LISTENER URINGOP OPENAT2 DM_CTRL DM_EVENT AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE MAC_TASK_CONTEXTS MAC_OBJ_CONTEXTS ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE LOGIN TTY CONTAINER_ID CONTAINER_OP PROCTITLE EOE'.split(
    ' ',
  ),
)

/** System calls of x86_64, in the order of their numbers. */
const X86_64 =
  'read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs fstatfs sysfs getpriority setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2 swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity sched_getaffinity set_thread_area io_setup io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64 timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx'.split(
    ' ',
  )

/** Number and name in turn: the calls of 64-bit ARM and 32-bit x86 that rules usually watch. */
const AARCH64 = pairs(
  '5 setxattr 6 lsetxattr 7 fsetxattr 14 removexattr 15 lremovexattr 16 fremovexattr 33 mknodat 34 mkdirat 35 unlinkat 36 symlinkat 37 linkat 38 renameat 39 umount2 40 mount 41 pivot_root 45 truncate 46 ftruncate 47 fallocate 48 faccessat 49 chdir 51 chroot 52 fchmod 53 fchmodat 54 fchownat 55 fchown 56 openat 57 close 63 read 64 write 79 newfstatat 80 fstat 88 utimensat 91 capset 93 exit 94 exit_group 97 unshare 104 kexec_load 105 init_module 106 delete_module 112 clock_settime 117 ptrace 129 kill 130 tkill 131 tgkill 142 reboot 143 setregid 144 setgid 145 setreuid 146 setuid 147 setresuid 149 setresgid 151 setfsuid 152 setfsgid 161 sethostname 162 setdomainname 167 prctl 170 settimeofday 171 adjtimex 198 socket 200 bind 201 listen 202 accept 203 connect 206 sendto 207 recvfrom 211 sendmsg 212 recvmsg 220 clone 221 execve 222 mmap 226 mprotect 241 perf_event_open 242 accept4 264 name_to_handle_at 265 open_by_handle_at 268 setns 270 process_vm_readv 271 process_vm_writev 273 finit_module 276 renameat2 279 memfd_create 280 bpf 281 execveat 291 statx 294 kexec_file_load',
)
const I386 = pairs(
  '1 exit 2 fork 3 read 4 write 5 open 6 close 8 creat 9 link 10 unlink 11 execve 12 chdir 14 mknod 15 chmod 16 lchown 21 mount 23 setuid 26 ptrace 30 utime 33 access 37 kill 38 rename 39 mkdir 40 rmdir 46 setgid 52 umount2 61 chroot 70 setreuid 71 setregid 74 sethostname 79 settimeofday 83 symlink 88 reboot 92 truncate 93 ftruncate 94 fchmod 95 fchown 102 socketcall 120 clone 128 init_module 129 delete_module 164 setresuid 170 setresgid 182 chown 190 vfork 198 lchown 203 setreuid 204 setregid 207 fchown 208 setresuid 210 setresgid 212 chown 213 setuid 214 setgid 226 setxattr 252 exit_group 270 tgkill 295 openat 296 mkdirat 297 mknodat 298 fchownat 301 unlinkat 302 renameat 303 linkat 304 symlinkat 306 fchmodat 307 faccessat 310 unshare 320 utimensat 346 setns 347 process_vm_readv 348 process_vm_writev 350 finit_module 353 renameat2 356 memfd_create 357 bpf 358 execveat 359 socket 361 bind 362 connect 363 listen 364 accept4 369 sendto 370 sendmsg 371 recvfrom',
)
/** From 424 on every architecture has the same numbers. */
const COMMON = pairs(
  '424 pidfd_send_signal 425 io_uring_setup 426 io_uring_enter 427 io_uring_register 428 open_tree 429 move_mount 430 fsopen 431 fsconfig 432 fsmount 433 fspick 434 pidfd_open 435 clone3 436 close_range 437 openat2 438 pidfd_getfd 439 faccessat2 440 process_madvise 441 epoll_pwait2 442 mount_setattr 444 landlock_create_ruleset 446 landlock_restrict_self 447 memfd_secret 452 fchmodat2',
)

function pairs(list: string): ReadonlyMap<string, string> {
  const words = list.split(' ')
  return new Map(words.flatMap((word, n) => (n % 2 === 0 ? [[word, words[n + 1] ?? word] as const] : [])))
}

/** `c000003e` and the like, as `uname -m` would say it. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['c000003e', 'x86_64'],
  ['40000003', 'i386'],
  ['c00000b7', 'aarch64'],
  ['40000028', 'armeb'],
  ['c0000015', 'ppc64le'],
  ['80000016', 's390x'],
  ['c00000f3', 'riscv64'],
])

/** The name of an architecture given as audit's number; names stay as they are. */
function archName(arch: string): string {
  return ARCHITECTURES.get(arch.toLowerCase()) ?? arch
}

/** The name of a system call given by number; undefined where this architecture's number is not known here. */
export function syscallName(arch: string | undefined, number: string): string | undefined {
  if (!/^\d{1,4}$/.test(number)) return number
  const machine = arch === undefined ? 'x86_64' : archName(arch)
  const common = COMMON.get(number)
  if (common !== undefined) return common
  if (machine === 'x86_64') return X86_64[Number(number)]
  if (machine === 'aarch64' || machine === 'riscv64') return AARCH64.get(number)
  return machine === 'i386' ? I386.get(number) : undefined
}

const ERRORS: readonly string[] =
  ' EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP'.split(
    ' ',
  )
const MORE_ERRORS: ReadonlyMap<number, string> = new Map([
  [95, 'EOPNOTSUPP'],
  [97, 'EAFNOSUPPORT'],
  [98, 'EADDRINUSE'],
  [99, 'EADDRNOTAVAIL'],
  [100, 'ENETDOWN'],
  [101, 'ENETUNREACH'],
  [103, 'ECONNABORTED'],
  [104, 'ECONNRESET'],
  [106, 'EISCONN'],
  [107, 'ENOTCONN'],
  [110, 'ETIMEDOUT'],
  [111, 'ECONNREFUSED'],
  [113, 'EHOSTUNREACH'],
  [114, 'EALREADY'],
  [115, 'EINPROGRESS'],
  [126, 'ENOKEY'],
])

/** `-13` is EACCES; ausearch writes the name itself. Numbers without a name here stay. */
export function errorName(exit: string): string {
  const number = /^-(\d{1,3})$/.exec(exit)?.[1]
  if (number === undefined) return /^[A-Z][A-Z0-9]+/.exec(exit)?.[0] ?? exit
  return ERRORS[Number(number)] || MORE_ERRORS.get(Number(number)) || exit
}
