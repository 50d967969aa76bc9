/** docs/reference/formats/osquery.md; see FormatDefinition.mapping. */
export const osqueryMapping = `
Queries are named by their owners, so a row's table is told by its columns. Snapshots, batches and envelopes of the TLS
logger are taken apart; each row is an event. A row of no table below is Device Inventory Info with its columns kept.

# All classes
time of the row, unixTime, calendarTime | time, metadata.original_time |
hostIdentifier, decorations.hostname, decorations.host_uuid | device.hostname, device.uid_alt, workload |
decorations.platform | device.os.name, device.os.type_id |
name | metadata.event_code, metadata.log_name |
counter | metadata.sequence |

# Process Activity 1007
process_events, bpf_process_events, processes | process.pid, process.cmd_line, process.file, process.parent_process | Launch; removed: Terminate
shell_history | process.cmd_line, process.user, actor.user |
auid | actor.user.uid |

# Network Activity 4001
socket_events, bpf_socket_events, process_open_sockets, listening_ports | activity_id, src_endpoint, dst_endpoint, connection_info, actor.process |

# File Activity 1001
file_events, process_file_events | activity_id, file.path, file.hashes, file.modified_time, file.accessed_time, actor.process |

# Authentication 3002
logged_in_users, last, user_events | user.name, src_endpoint, session.terminal |

# Scheduled Job Activity 1006
crontab, scheduled_tasks | job.name, job.cmd_line, job.file, job.desc |

# Script Activity 1009
powershell_events | script.script_content, script.file, script.uid |

# Account Change 3001
users, added or removed | user.name, user.uid |

# User Inventory Info 5003
users, snapshot | user.name, user.uid, user.full_name |

# Software Inventory Info 5020
deb_packages, rpm_packages, programs, apps, chrome_extensions ... | package.name, package.version, package.architecture, package.uid |

# Live Evidence Info 5040
processes, crontab (snapshot), groups, kernel_modules, interface_addresses, file, hash, startup_items, launchd, services, systemd_units, authorized_keys, usb_devices, process_open_files, process_memory_map, pipes | query_evidence, query_result_id, query_info | removed: Does not exist

# Device Inventory Info 5001
os_version | device.os |
system_info, platform_info | device.hw_info, device.model | Memory in megabytes.
every other table | device |
`
