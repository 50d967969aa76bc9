/** docs/reference/formats/tracee.md */
export const mapping = `
Reads the flat JSON output, v1beta1 events (gRPC) and findings of tracee-rules. The workload is the container, else the
pod, else the host. Signatures are Detection Findings. Other events: by their name and arguments Process, File System,
Network, DNS, HTTP, Kernel Extension, Module, Container Lifecycle, else Kernel Activity; what the tracer says when it
starts is Coverage.

# Detection Finding 2004
metadata.Properties.signatureID, signatureName, Category | finding_info.analytic.uid, finding_info.title, finding_info.analytic.category | SigMetadata of tracee-rules, threat of v1beta1
metadata.Description | finding_info.desc, message |
metadata.Properties.Severity | severity_id | 0 Informational to 4 Critical
metadata.Properties.external_id, Category | finding_info.attacks |
metadata.Tags | metadata.labels |
process, container, args | evidences.process, evidences.container, evidences.file, evidences.dst_endpoint |

# Process Activity 1007
sched_process_exec, execve, sched_process_fork, sched_process_exit | activity_id, launch_type_id | ptrace and process_vm_writev: Inject; setuid, commit_creds: Set User ID
timestamp | time |
hostProcessId, processId, hostThreadId | process.pid, process.namespace_pid, process.tid |
processName, executable.path, processEntityId | process.name, process.file.path, process.uid |
threadStartTime | process.created_time | of the first thread
userId | process.user.uid |
hostParentProcessId, parentEntityId | process.parent_process.pid, process.parent_process.uid |
args argv, env, sha256 | process.cmd_line, process.environment_variables, process.file.hashes |
args exit_code, signal_code | exit_code, status_detail |
container.id, name, image, imageDigest | process.container.uid, process.container.name, process.container.image |
kubernetes.podName, podNamespace, podUID | process.container.labels, process.container.pod_uuid | and in the labels of the workload
hostName | device.hostname | inside of a container device.name
returnValue | status_id, status_code |
matchedPolicies | policy.name |
eventName, eventId | metadata.event_code, metadata.source |

# File System Activity 1001
args pathname, new_path, old_path, inode | file.path, file_result.path, file.uid |

# Network Activity 4001
args remote_addr, local_addr, dst, src, metadata | dst_endpoint.ip, dst_endpoint.port, src_endpoint.ip, src_endpoint.port, connection_info.protocol_name |

# DNS Activity 4003
args dns_questions, dns_response | query.hostname, query.type, answers.rdata |

# HTTP Activity 4002
args http_request, http_response | http_request.http_method, http_request.url.hostname, http_response.code |

# Kernel Activity 1003
eventName, syscall | kernel.name, kernel.system_call |

# Container Lifecycle 99906001
args container_id, container_name, container_image, runtime | container.uid, container.name, container.image, container.runtime |
`
