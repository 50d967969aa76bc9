/** docs/reference/formats/falco.md */
export const mapping = `
What a process did in a container is about the container (else about the host), what the Kubernetes plugin reports about
the pod that was called. Falco's own messages (source internal) are Coverage.

# Detection Finding 2004
rule | finding_info.title, finding_info.analytic.name, metadata.event_code |
output | message, finding_info.desc |
priority | severity_id | Emergency 6, Alert and Critical 5, Error 4, Warning 3, Notice 2, the rest 1
time, evt.time | time, metadata.original_time, finding_info.created_time |
tags | metadata.labels, finding_info.attacks | mitre_execution, T1059, TA0002
source | metadata.log_name, finding_info.analytic.category, finding_info.data_sources |
hostname | device.hostname, metadata.reporter.hostname | device for system calls; a plugin's host only reports
uuid | metadata.uid, finding_info.uid |
proc.pid, name, cmdline, cwd, vpid, sid, tty, env | actor.process.pid, evidences.process.name, evidences.process.cmd_line, evidences.process.working_directory, evidences.process.namespace_pid, evidences.process.session.uid, evidences.process.session.terminal, evidences.process.environment_variables |
proc.exepath | evidences.process.file.path | proc.exe where it is a path and exepath is absent
proc.ppid, pname, pcmdline, pexepath | evidences.process.parent_process.pid, evidences.process.parent_process.name, evidences.process.parent_process.cmd_line, evidences.process.parent_process.file.path |
proc.aname[n], aexepath[n], acmdline[n], apid[n] | evidences.process.ancestry | from the grandparent on
user.name, uid, group.name, group.gid | actor.user.name, evidences.user.uid, evidences.user.groups |
user.loginuid | evidences.process.session.uid_alt | -1 stays unmapped
fd.name, fd.type, fs.path.name | evidences.file.path, evidences.file.type_id |
fd.cip, cport, sip, sport, lip, rip | evidences.src_endpoint.ip, evidences.src_endpoint.port, evidences.dst_endpoint.ip, evidences.dst_endpoint.port | also from fd.name
fd.l4proto, fd.is_server | evidences.connection_info.protocol_name, evidences.connection_info.direction_id |
container.id, name, type | evidences.container.uid, evidences.container.name, evidences.container.runtime |
container.image.repository, tag, digest, id | evidences.container.image.name, evidences.container.image.tag, evidences.container.image.uid |
container.labels, privileged | evidences.container.labels, evidences.container.tags |
k8s.pod.name, ns.name, pod.uid, pod.labels (k8smeta too) | resources.name, resources.namespace, resources.uid, resources.labels, evidences.container.pod_uuid |
k8s.deployment.name, rs, rc, daemonset, svc ... | resources.name, resources.type |
ka.user.name, user.groups, impuser.name | actor.user.name, actor.user.groups, evidences.http_request.http_headers |
ka.verb, auditid, uri, response.code, response.reason | evidences.api.operation, evidences.api.request.uid, evidences.http_request.url.path, evidences.api.response.code, evidences.api.response.message |
ka.auth.decision, reason | actor.authorizations |
ka.target.name, namespace, resource, subresource | resources.name, resources.namespace, resources.type |
ka.req..., ka.uri.param[...] | evidences.api.request.data |
ka.sourceips, useragent | evidences.src_endpoint.ip, evidences.http_request.user_agent |
ct.name, src, requestid, error, errormessage | evidences.api.operation, evidences.api.service.name, evidences.api.request.uid, evidences.api.response.error, evidences.api.response.error_message |
ct.user, user.arn, user.accountid, user.accesskeyid | actor.user.name, actor.user.uid, actor.user.account.uid, actor.user.credential_uid |
ct.id, ct.region, ct.recipientaccountid | finding_info.related_events, cloud.region, cloud.account.uid |
okta.actor.name, okta.client.ip, github.user, github.action, github.repo | actor.user.name, evidences.src_endpoint.ip, evidences.api.operation, resources.name |

# Coverage 99906002
n_drops | lost_count |
rule, output | metadata.event_code, message | status_id 1 for the metrics snapshot, else 3 Degraded
hostname | source.instance, device.hostname |
`
