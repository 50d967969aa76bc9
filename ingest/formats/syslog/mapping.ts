/** docs/reference/formats/syslog.md; see FormatDefinition.mapping. */
export const syslogMapping = `
The class follows the program and its words; audit records and Sysmon's XML inside of a message are read as \`auditd\` and
\`sysmon_linux\`. A time without a year gets the latest year in which it is not from tomorrow; one without a time zone is UTC.

# All classes
PRI | severity_id, metadata.log_level, metadata.log_name | level and facility
TIMESTAMP | time, metadata.original_time |
HOSTNAME, _HOSTNAME, Computer | device.hostname, workload |
_MACHINE_ID | device.uid, workload | the id that the host collector uses
APP-NAME, tag, SYSLOG_IDENTIFIER | metadata.log_provider, metadata.product.name |
MSGID, MESSAGE_ID | metadata.event_code |
meta sequenceId | metadata.sequence |
MSG, MESSAGE, SyslogMessage | message |
CONTAINER_ID_FULL, CONTAINER_NAME | workload | the container that wrote it

# Authentication 3002
sshd: Accepted, Failed, Invalid user ... | activity_id, status_id, user.name, src_endpoint, auth_protocol |
pam: session opened, closed, authentication failure | activity_id, status_id, user.name, service.name |
su, sudo without a command | activity_id, user.name, actor.user.name | Account Switch
login, systemd-logind | user.name, session.terminal, session.uid |

# SSH Activity 4007
sshd: connections without a user's log-in | activity_id, src_endpoint, dst_endpoint, status_detail |

# Process Activity 1007
sudo: COMMAND, PWD, USER, TTY | process.cmd_line, process.working_directory, process.user, actor.session.terminal |
kernel: Killed process | process.pid, process.name |

# Scheduled Job Activity 1006
cron: CMD, REPLACE, DELETE ... | activity_id, job.cmd_line, job.user |

# Account Change 3001
useradd, usermod, userdel, passwd, chage | activity_id, user.name, user.uid |

# Group Management 3006
groupadd, groupdel, gpasswd, usermod | activity_id, group.name, user.name |

# Network Activity 4001
kernel: SRC, DST, SPT, DPT, PROTO, IN, OUT | src_endpoint, dst_endpoint, connection_info, action_id, firewall_rule.name |

# Application Lifecycle 6002
systemd: Started, Stopped | activity_id, app.name |
any other message | app.name, activity_name | Other, named Message

# Application Error 6008
any other message of level warning or above | status_detail |
`
