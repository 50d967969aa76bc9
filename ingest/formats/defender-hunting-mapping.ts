/** docs/reference/formats/defender_hunting.md; see FormatDefinition.mapping. */
export const defenderMapping = `
# All classes
Timestamp, TimeGenerated | time, metadata.original_time |
ActionType | metadata.event_code, message |
ReportId | metadata.original_event_uid |

# Process Activity 1007
ProcessCreated | activity_id, process | its parent is InitiatingProcess
InitiatingProcess* | actor.process.pid, actor.process.file, actor.process.user, actor.process.parent_process |
DeviceName, DeviceId | device.hostname, device.uid_alt, workload |
other actions of a device | process, activity_name |

# File Activity 1001
FileCreated, FileModified, FileDeleted, FileRenamed | activity_id, file.path, file.hashes |

# Network Activity 4001
Connection*, VMConnection | src_endpoint, dst_endpoint, connection_info, traffic |
LinksEstablished | count | connections in the minute

# Authentication 3002
LogonSuccess, LogonFailed | status_id, user.name, src_endpoint |

# API Activity 6003
directory and cloud app events | actor.user, api.operation, api.service.name, src_endpoint, resources |
OAuthAppId, AppId, ApplicationId | actor.app_uid, api.service.uid |
ISP, City, CountryCode, OSPlatform | src_endpoint.isp, src_endpoint.location, src_endpoint.os |
`
