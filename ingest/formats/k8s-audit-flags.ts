import { isObject, type JsonRecord } from './fields.js'
import type { Call } from './k8s-audit-call.js'

const MAX_CONTAINERS = 64
const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const
const HOST_FIELDS = { hostNetwork: 'host_network', hostPID: 'host_pid', hostIPC: 'host_ipc' } as const

/**
 * What a call asks for that rules and people look for first, as `api.request.flags`: privileges of pods (also inside of
 * deployments and other templates), RBAC that gives everything away, acting as somebody else, dry runs.
 */
export function flagsOf(call: Call, options: JsonRecord | undefined): string[] {
  const flags = new Set<string>()
  if (call.identity.impersonation !== undefined) flags.add('impersonation')
  if (call.identity.user?.name === 'system:anonymous') flags.add('anonymous')
  if (options?.dryRun !== undefined) flags.add('dry_run')
  const { request } = call
  if (isObject(request)) {
    const spec = podSpecOf(request)
    if (spec !== undefined) addPod(flags, spec)
    if (request.kind === 'Service' && spec?.type === 'NodePort') flags.add('node_port')
    addRoles(flags, request)
  }
  return [...flags]
}

/** The pod spec of a pod or of what makes pods (deployment, daemon set, job, cron job ...). */
export function podSpecOf(object: JsonRecord): JsonRecord | undefined {
  let spec = isObject(object.spec) ? object.spec : undefined
  if (isObject(spec?.jobTemplate) && isObject(spec.jobTemplate.spec)) spec = spec.jobTemplate.spec
  if (isObject(spec?.template)) spec = isObject(spec.template.spec) ? spec.template.spec : undefined
  return spec
}

function addPod(flags: Set<string>, spec: JsonRecord) {
  for (const [field, flag] of Object.entries(HOST_FIELDS)) if (spec[field] === true) flags.add(flag)
  for (const volume of Array.isArray(spec.volumes) ? spec.volumes.slice(0, 64) : []) {
    const path = isObject(volume) && isObject(volume.hostPath) ? volume.hostPath.path : undefined
    if (typeof path === 'string') flags.add(`host_path:${path.slice(0, 128)}`)
  }
  for (const list of CONTAINER_LISTS) {
    const containers = spec[list]
    if (!Array.isArray(containers)) continue
    if (list === 'ephemeralContainers') flags.add('ephemeral_container')
    for (const container of containers.slice(0, MAX_CONTAINERS)) {
      if (isObject(container) && isObject(container.securityContext)) addContext(flags, container.securityContext)
    }
  }
}

function addContext(flags: Set<string>, context: JsonRecord) {
  if (context.privileged === true) flags.add('privileged')
  if (context.allowPrivilegeEscalation === true) flags.add('allow_privilege_escalation')
  const added = isObject(context.capabilities) ? context.capabilities.add : undefined
  if (!Array.isArray(added)) return
  for (const name of added.slice(0, 64)) {
    if (typeof name === 'string' && /^[A-Z_]{2,40}$/.test(name)) flags.add(`capability:${name}`)
  }
}

function addRoles(flags: Set<string>, { kind, roleRef, rules, subjects }: JsonRecord) {
  if (isObject(roleRef) && roleRef.name === 'cluster-admin') flags.add('cluster_admin')
  if (Array.isArray(rules) && (kind === 'Role' || kind === 'ClusterRole')) {
    for (const rule of rules.slice(0, 256)) {
      if (!isObject(rule)) continue
      if (isAll(rule.verbs)) flags.add('wildcard_verbs')
      if (isAll(rule.resources)) flags.add('wildcard_resources')
    }
  }
  if (!Array.isArray(subjects)) return
  const everybody = ['system:anonymous', 'system:unauthenticated', 'system:authenticated']
  if (
    subjects.slice(0, 256).some((one) => isObject(one) && typeof one.name === 'string' && everybody.includes(one.name))
  ) {
    flags.add('public_binding')
  }
}

function isAll(list: unknown): boolean {
  return Array.isArray(list) && list.includes('*')
}
