const PROCESS = `
process.pid, exec_id, tid | process.pid, process.uid, process.tid |
process.binary, arguments | process.name, process.path, process.file.path, process.cmd_line |
process.cwd, start_time, uid, user.name | process.working_directory, process.created_time, process.user.uid, process.user.name |
process.auid | process.session.uid_alt | 4294967295 is nobody
process.flags, cap, ns, process_credentials, binary_properties | process.xattributes |
process.environment_variables | process.environment_variables |
process.pod.container.id, name, image, process.docker | process.container.uid, process.container.name, process.container.image |
process.pod.container.pid | process.namespace_pid |
process.pod.name, namespace, pod_labels | process.container.labels | and in the labels of the workload
process.pod.workload, workload_kind | process.container.tags |
parent, ancestors | process.parent_process, process.ancestry |`

/** docs/reference/formats/tetragon.md */
export const mapping = `
The workload is the container, else the pod, else the node. The class of a probe (kprobe, tracepoint, lsm) follows from
its arguments: a socket is Network Activity, a file File System Activity, a module Kernel Extension Activity, a change
of credentials Process Activity (Set User ID), everything else Kernel Activity. uprobe and usdt are Module Activity
(Invoke), process_loader Module Activity (Load). rate_limit_info and process_throttle are Coverage.

# Process Activity 1007
process_exec, process_exit | activity_id | 1 Launch, 2 Terminate; the actor is the parent${PROCESS}
status, signal | exit_code, status_detail | of process_exit
time, node_name | time, metadata.original_time, device.hostname |
aggregation_info.count | count |

# Network Activity 4001
sock_arg, skb_arg, sockaddr_arg, source_ip ... | src_endpoint.ip, src_endpoint.port, dst_endpoint.ip, dst_endpoint.port | what a process accepts comes from the remote end
protocol | connection_info.protocol_name, connection_info.protocol_num |
stats | traffic.bytes_in, traffic.bytes_out, traffic.packets_in, traffic.packets_out |
process | actor.process |

# File System Activity 1001
file_arg, path_arg, linux_binprm_arg, string_arg | file.path, file.name |
permission | component |
function_name | activity_id, message |
return | status_id, status_code |
policy_name, message | policy.name, policy.desc |
action, return_action | action_id, disposition_id, status_detail | 2 Denied and 2 Blocked where the policy stopped it
tags | metadata.labels, attacks |

# Kernel Extension Activity 1002
module_arg, string_arg | driver.file.name |

# Kernel Activity 1003
function_name, subsys, event | kernel.name, kernel.system_call |

# Module Activity 1005
path, symbol, name, buildid | module.file.path, module.function_name, module.file.uid |

# Coverage 99906002
number_of_dropped_process_events | lost_count |
`
