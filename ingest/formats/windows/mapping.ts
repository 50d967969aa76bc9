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
Sysmon 12, 13, 14; Security 4656 to 4663, 4670, 4690, 4691, 4907, 4985 on other objects; 4673, 4674 | activity_id, kernel.path, kernel.type |

# Module Activity 1005
Sysmon 7 ImageLoaded, Hashes, Signed, Signature | module.file.path, module.file.hashes, module.file.signature |

# Kernel Extension Activity 1002
Sysmon 6 | driver.file |

# DNS Activity 4003
Sysmon 22 QueryName, QueryResults, QueryStatus | query.hostname, answers, rcode_id |

# Authentication 3002
4624, 4625, 4634, 4647 to 4649, 4768 to 4773, 4776 to 4779, 4800, 4801; AD FS 299, 324, 342, 411 to 413, 500 to 503, 516, 1200 to 1207 | activity_id, status_id |
Target* | user.name, user.domain, user.uid |
IpAddress, IpPort, WorkstationName | src_endpoint |
TicketOptions, TicketEncryptionType | authentication_token |
LogonType, AuthenticationPackageName, LmPackageName, LogonProcessName | logon_type_id, auth_protocol_id, auth_protocol, service.name |

# Account Change 3001
4720, 4722 to 4726, 4738, 4740 to 4743, 4765 to 4767, 4780 to 4782, 4794, 4798 | activity_id, user |
DisplayName, UserPrincipalName | user.display_name, user.uid_alt |

# Group Management 3006
4727 to 4737, 4744 to 4764, 4783 to 4792, 4799 | activity_id, group, user |

# Authorize Session 3003
4672 PrivilegeList, 4703 EnabledPrivilegeList | privileges, user |
4627 GroupMembership | group, user |

# User Access Management 3005
4704, 4705, 4717, 4718 | privileges, user |

# Entity Management 3004
Sysmon 19 to 21; directory objects 5136 to 5141, shares 5142 to 5144, firewall rules 4946 to 4950, trusts and policies 4706, 4707, 4716, 4739, keys and credentials 5058, 5059, 5061, 5379 | entity |

# Script Activity 1009
PowerShell 4103, 4104 ScriptBlockText, Path | script.script_content, script.file |

# Scheduled Job Activity 1006
4698 to 4702 TaskName, TaskContent | job.name, job.cmd_line |

# Event Log Activity 1008
1100 to 1105, 4715, 4719, 4902 to 4906, 4908, 4912; System 104 | activity_id, log_name |

# Application Lifecycle 6002
Sysmon 4, 16; 4608, 4609, 4697, 5024, 5025, 7036, 7040, 7045; other providers | activity_id, app.name |

# Application Error 6008
Sysmon 255; errors and warnings of other providers | activity_id |
`
