/** docs/reference/formats/wazuh.md; see FormatDefinition.mapping. */
export const wazuhMapping = `
An alert says that a rule of Wazuh matched: it is a finding. What a cloud integration fetched concerns no machine.

# Detection Finding 2004
timestamp | time, finding_info.created_time, metadata.original_time |
rule.level | severity_id | 0-3 informational, 4-6 low, 7-11 medium, 12-14 high, 15 and 16 critical
rule.description, rule.id | finding_info.title, finding_info.analytic.uid, metadata.event_code, message |
rule.groups | finding_info.types, metadata.labels |
rule.mitre | finding_info.attacks |
rule.pci_dss, rule.gdpr, rule.hipaa ... | finding_info.tags |
rule.firedtimes | finding_info.related_events_count |
id | finding_info.uid, metadata.original_event_uid |
agent.name, agent.ip, agent.id | device.hostname, device.ip, device.agent_list, workload |
predecoder.hostname | device.hostname | for syslog that the manager receives
manager.name | metadata.reporter.hostname |
location, decoder.name | metadata.log_name, finding_info.data_sources |
full_log | finding_info.desc |
data.srcip, data.srcport, data.dstip, data.dstport | evidences.src_endpoint, evidences.dst_endpoint |
data.srcuser, data.dstuser | evidences.actor.user, evidences.user |
data.audit, data.win, data.command | evidences.process, evidences.file |
data.docker | evidences.container, device.container, workload |
data.url | evidences.url |
syscheck | evidences.file, evidences.process, evidences.actor.user |

# Vulnerability Finding 2002
data.vulnerability | vulnerabilities.cve, vulnerabilities.affected_packages, vulnerabilities.severity, severity_id |

# Compliance Finding 2003
data.sca.check, data.sca.policy | compliance.control, compliance.standards, compliance.status_id, remediation |
`
