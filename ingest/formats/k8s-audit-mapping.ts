/** docs/reference/formats/k8s_audit.md */
export const mapping = `
Reads audit.k8s.io/v1 (v1beta1, v1alpha1): one event, an EventList, a JSON array, the log line of a shipper (log,
message); EKS (CloudWatch Logs subscription, also compressed, Insights rows), AKS (diagnostic settings, the AKSAudit
tables), GKE (LogEntry with protoPayload).

A pod that is the target is the workload: as its container where the status says the id and only one is meant, else as
the pod. Then a node that is the target; else the pod whose token was used, or the calling node.

# API Activity 6003
verb | api.operation, activity_id | create 1; get, list, watch 2; update, patch 3; delete, deletecollection 4; others 99
auditID | api.request.uid, metadata.correlation_uid, metadata.original_event_uid |
stage | metadata.event_code | RequestReceived: status_id 0, the outcome is not known yet
level | metadata.log_level |
apiVersion | metadata.log_version |
stageTimestamp | time, end_time, metadata.original_time | end_time of the stage ResponseComplete
requestReceivedTimestamp | start_time, duration | time, if there is no stageTimestamp
user.username, user.uid, user.groups | actor.user.name, actor.user.uid, actor.user.groups |
user.extra.arn, oid, principalId | actor.user.uid_alt, actor.user.account.uid |
user.extra.accessKeyId, credential-id | actor.user.credential_uid, actor.session.credential_uid |
user.extra.sessionName, canonicalArn | actor.session.uid, actor.session.issuer |
user.extra.pod-name, pod-uid, node-name | src_endpoint.name, src_endpoint.uid, src_endpoint.hostname | of the calling pod
impersonatedUser | http_request.http_headers, api.request.flags | as the headers that ask for it; flag impersonation
sourceIPs | src_endpoint.ip, src_endpoint.intermediate_ips | the client first, then proxies
userAgent | http_request.user_agent, actor.app_name |
requestURI | http_request.url.path, http_request.url.query_string |
objectRef.resource, name, namespace, uid | resources.type, resources.name, resources.namespace, resources.uid |
objectRef.subresource | resources.data | its subresource: exec, attach, portforward, log, status ...
objectRef.resourceVersion | resources.version |
objectRef.apiGroup, apiVersion | api.group.name, api.version |
requestObject | api.request.data, api.request.flags | for exec, attach and portforward the parameters of the address; flags: privileged, host_network, host_pid, host_ipc, host_path:PATH, capability:NAME, allow_privilege_escalation, ephemeral_container, cluster_admin, wildcard_verbs, wildcard_resources, public_binding, node_port, anonymous, dry_run
responseObject | api.response.data, api.response.containers, resources.labels | containers of a pod's status, with their ids
responseStatus.code | api.response.code, http_response.code, status_code, status_id | below 400 Success
responseStatus.reason, message | api.response.message, api.response.error, api.response.error_message, status_detail |
annotations authorization.k8s.io | actor.authorizations |
annotations, others | metadata.tags |
EKS owner, logGroup | cloud.account.uid, metadata.log_name, dst_endpoint.domain | the cluster is in the name of the group
AKS resourceId, properties.pod | cloud.account.uid, dst_endpoint.domain, metadata.reporter.name |
GKE methodName, resourceName | api.operation, resources.type, resources.name, resources.namespace |
GKE authenticationInfo | actor.user.name, actor.user.uid_alt |
GKE requestMetadata | src_endpoint.ip, http_request.user_agent |
GKE status | status_code, api.response.code, status_detail | the gRPC code; as HTTP status in api.response.code
GKE authorizationInfo, labels | actor.authorizations |
GKE resource.labels | cloud.account.uid, cloud.region, cloud.zone, dst_endpoint.domain |
`
