/** docs/reference/formats of windows_event and sysmon_linux; see FormatDefinition.mapping. */
export const windowsMapping = `
Events are mapped by provider and number. Registry keys have a class in OCSF's Windows extension only; with its core they
are Kernel Activity. Values of \`-\` are none.

# All classes
UtcTime, TimeCreated, TimeGenerated, EventTime | time, metadata.original_time |
Computer, Hostname | device.hostname, workload |
Provider, Channel | metadata.log_provider, metadata.log_name |
EventID | metadata.event_code |
EventRecordID | metadata.original_event_uid |
Level | severity_id |
TimeCollected, Version | metadata.logged_time, metadata.log_version |
SourceComputerId, ManagementGroupName | device.agent_list | of Log Analytics
RuleName | policy.name, attacks | technique_id= of the rule
Activity, RenderedDescription, Message | message |

# Process Activity 1007
Sysmon 1, 5, 8, 10, 25; Security 4688, 4689 | activity_id | Launch, Terminate, Inject, Open
ProcessId, ProcessGuid, Image, NewProcessId, NewProcessName | process.pid, process.uid, process.file |
CommandLine, CurrentDirectory, IntegrityLevel | process.cmd_line, process.working_directory, process.integrity_id |
User, Subject* | process.user, actor.user |
Hashes, Company, Description, FileVersion, OriginalFileName | process.file.hashes, process.file.company_name, process.file.desc, process.file.version, process.file.internal_name |
Parent* | process.parent_process, actor.process |
LogonId, LogonGuid | process.session |
GrantedAccess | actual_permissions |

# Network Activity 4001
Sysmon 3; Security 5152, 5156 to 5159 | activity_id | Open, Refuse, Listen
SourceIp, SourcePort, DestinationIp, DestinationPort | src_endpoint, dst_endpoint |
Initiated, Direction, Protocol | connection_info.direction_id, connection_info.protocol_name |
FilterRTID, LayerName, RemoteUserID | firewall_rule.uid, firewall_rule.type, dst_endpoint.owner |

# File Activity 1001
Sysmon 2, 9, 11, 15, 17, 18, 23, 26 to 29; Security 4656, 4663, 4670, 5140, 5145 on files | activity_id |
TargetFilename, Device, PipeName, ObjectName | file.path, file.name |
CreationUtcTime, Hashes | file.created_time, file.hashes |

# Kernel Activity 1003
Sysmon 12, 13, 14; Security 4656, 4658, 4660 to 4663, 4670 on other objects | activity_id, kernel.path, kernel.type |

# Module Activity 1005
Sysmon 7 ImageLoaded, Hashes, Signed, Signature | module.file.path, module.file.hashes, module.file.signature |

# Kernel Extension Activity 1002
Sysmon 6 | driver.file |

# DNS Activity 4003
Sysmon 22 QueryName, QueryResults, QueryStatus | query.hostname, answers, rcode_id |

# Authentication 3002
4624, 4625, 4634, 4647, 4648, 4768 to 4771, 4776 | activity_id, status_id |
Target* | user.name, user.domain, user.uid |
IpAddress, IpPort, WorkstationName | src_endpoint |
LogonType, AuthenticationPackageName, LmPackageName, LogonProcessName | logon_type_id, auth_protocol_id, auth_protocol, service.name |

# Account Change 3001
4720, 4722 to 4726, 4738, 4740, 4767, 4781 | activity_id, user |

# Group Management 3006
4727 to 4737, 4754 to 4758, 4799 | activity_id, group, user |

# Authorize Session 3003
4672 PrivilegeList | privileges, user |

# Scheduled Job Activity 1006
4698 to 4702 TaskName, TaskContent | job.name, job.cmd_line |

# Event Log Activity 1008
1100, 1102, 4719 | activity_id, log_name |

# Application Lifecycle 6002
Sysmon 4, 16; 4697, 7045; other providers | activity_id, app.name |

# Application Error 6008
Sysmon 255; errors and warnings of other providers | activity_id |
`
