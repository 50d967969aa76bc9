/** docs/reference/formats/auditd.md; see FormatDefinition.mapping. */
export const auditdMapping = `
An event is chosen its class by its system call, else by its record type. Values written in hexadecimal are decoded; names
that auditd resolved (log_format = ENRICHED) are used beside the numbers. Records that came without the SYSCALL of their
event are kept as the part they are. EOE records alone are dropped (\`end_of_event\`).

# All classes
msg=audit(time:serial) | time, metadata.original_event_uid, metadata.sequence, metadata.original_time |
node | device.hostname, workload | without it, the machine the collector reads on
key | metadata.labels | keys of the rules that matched
type | metadata.event_code |
success, res | status_id | exit as a name in status_code where it failed
avc, apparmor | action_id, disposition_id, policy, authorizations | profile security_control

# Process Activity 1007
execve, execveat | activity_id | Launch; process is the new program, actor its parent
fork, clone, exit, kill, ptrace, setuid ... | activity_id | Launch, Terminate, Open or Inject, Set User ID
pid, ppid, comm, exe | process.pid, process.parent_process.pid, process.name, process.file |
EXECVE a0 a1 ..., PROCTITLE | process.cmd_line |
CWD cwd | process.working_directory |
euid, egid, uid, gid | process.user.uid, process.user.groups |
auid | actor.user.uid | the user that logged in; uid where nobody did
ses, tty | actor.session.uid, actor.session.terminal |
OBJ_PID opid ocomm ouid | process.pid, process.name, process.user.uid | target of kill and ptrace
USER_CMD cmd cwd | process.cmd_line, process.working_directory |

# File Activity 1001
open, openat | activity_id | Create by PATH nametype, Update by its flags, else Open
unlink, rename, chmod, chown, mkdir, mount ... | activity_id |
PATH name | file.path, file.name, file_result | completed with PATH PARENT or CWD
PATH inode dev | file.uid |
PATH mode | file.type_id, file.xattributes |
PATH ouid ogid | file.owner.uid, file.owner.groups |
PATH obj, tcontext | file.security_descriptor |

# Network Activity 4001
connect, accept, bind, listen, sendto ... | activity_id | Open, Fail, Listen, Traffic
SOCKADDR saddr | dst_endpoint.ip, dst_endpoint.port, src_endpoint, connection_info | paths of local sockets as name

# Kernel Extension Activity 1002
init_module, finit_module, delete_module | activity_id, driver.file |

# Kernel Activity 1003
any other call | kernel.system_call, kernel.name |

# Authentication 3002
USER_AUTH, USER_LOGIN, USER_START, USER_END ... | activity_id | su and sudo: Account Switch
acct, id | user.name, user.uid |
addr, hostname | src_endpoint.ip, src_endpoint.hostname, is_remote |
exe | service.name, actor.process.file |
terminal | session.terminal, logon_type_id |
op, grantors | auth_protocol |

# Account Change 3001
ADD_USER, DEL_USER, USER_CHAUTHTOK, ACCT_LOCK, ACCT_UNLOCK, USER_MGMT | activity_id, user.name, user.uid |

# Group Management 3006
ADD_GROUP, DEL_GROUP, GRP_MGMT | activity_id, group.name, group.uid, user.name |

# Application Lifecycle 6002
SERVICE_START, SERVICE_STOP, SYSTEM_BOOT ... | activity_id, app.name | every other record of a program as Other

# Event Log Activity 1008
DAEMON_START, DAEMON_END, CONFIG_CHANGE ... | activity_id, log_name, log_provider |

# Entity Management 3004
MAC_POLICY_LOAD, MAC_STATUS, apparmor STATUS | activity_id, entity.name, entity.policy |

# SSH Activity 4007
CRYPTO_SESSION laddr lport rport addr | src_endpoint, dst_endpoint |

# Detection Finding 2004
ANOM_*, INTEGRITY_*, RESP_* | finding_info.title, evidences |
`
