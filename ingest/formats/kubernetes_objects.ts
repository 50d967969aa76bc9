import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type JsonObject } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { brief, defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { containerInventory, lifecycleDraft, nodeInventory } from './kubernetes-inventory.js'
import { withoutSecrets } from './kubernetes-objects.js'
import { isEventTime, parseTime } from './time.js'

/** Objects of the Kubernetes API and what a watch says about them. */
export const kubernetesObjects = defineFormat({
  name: 'kubernetes_objects',
  summary: 'Kubernetes objects and watch events: inventory, configuration, changes, containers that start and end',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
Read are watch events (\`kubectl get pods --watch --output-watch-events -o json\`), the records of the \`kubernetes\` collector
(\`type\` LISTED for what existed before, STARTED and TERMINATED for containers), single objects and lists (\`kubectl get -o
json\`). Values of environment variables, of Secrets and of ConfigMaps, managed fields and the last applied configuration are
kept nowhere.

# Entity Management 3004
type | activity_id | ADDED is Create, MODIFIED is Update, DELETED is Delete
object.kind | entity.type, entity.type_id | roles, bindings and network policies are policies
object.metadata.namespace, name, uid | entity.name, entity.uid | namespace/name
object.metadata.resourceVersion | entity.version |
object.metadata.managedFields.time, creationTimestamp | time | the latest, for ADDED and MODIFIED
object.spec, rules, roleRef, subjects | entity.data |

# Device Inventory Info 5001
object.status.containerStatuses.containerID, name, image, imageID | device.container.uid, device.container.name, device.container.image | each container of a pod that has an id
object.metadata.uid | device.container.pod_uuid |
object.status.podIP | device.ip |
object.status.nodeInfo | device.os.name, device.os.kernel_release | nodes
object.spec.providerID | device.instance_uid | nodes

# Cloud Resources Inventory Info 5023
object.kind, metadata | resources.type, resources.name, resources.uid, resources.namespace, resources.labels, resources.data, resources.created_time | what a list has of other kinds
`,
  detect(record) {
    if (!isObject(record)) return 0
    if (TYPES.has(record.type) && isObject(record.object) && isApiObject(record.object)) return 0.95
    return isList(record) || isApiObject(record) ? 0.9 : 0
  },
  split,
  create: () => (record) => read(record),
})

const TYPES = new Set<unknown>(['LISTED', 'ADDED', 'MODIFIED', 'DELETED', 'STARTED', 'TERMINATED', 'BOOKMARK', 'ERROR'])
const ACTIVITIES: { readonly [type: string]: number } = { ADDED: 1, MODIFIED: 3, DELETED: 4 }
const WORDS: { readonly [type: string]: string } = { ADDED: 'created', MODIFIED: 'changed', DELETED: 'deleted' }
/** What says who may do what, and who may talk to whom. */
const POLICIES = new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'NetworkPolicy'])

function isApiObject(value: JsonRecord): boolean {
  return (
    typeof value.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    value.kind !== '' &&
    isObject(value.metadata) &&
    // An audit event is an object of the API too.
    !value.apiVersion.startsWith('audit.k8s.io/')
  )
}

function isList(value: JsonRecord): value is JsonRecord & { items: unknown[] } {
  return (
    typeof value.kind === 'string' && value.kind.endsWith('List') && isApiObject(value) && Array.isArray(value.items)
  )
}

function split(record: unknown): readonly unknown[] | undefined {
  if (!isObject(record) || !isList(record)) return undefined
  const kind = String(record.kind).slice(0, -'List'.length)
  return record.items.map((item) => {
    // Elements of a list do not repeat what they are.
    const object = isObject(item) ? { apiVersion: record.apiVersion, ...(kind === '' ? {} : { kind }), ...item } : item
    return { type: 'LISTED', object }
  })
}

function read(record: unknown): Outcome<EventDraft[]> {
  if (!isObject(record)) return reject('not_kubernetes', `expected an object or a watch event, found ${kindOf(record)}`)
  const parts = split(record)
  if (parts !== undefined) {
    const drafts: EventDraft[] = []
    for (const part of parts) {
      const outcome = read(part)
      if (outcome.kind !== 'ok') return outcome
      drafts.push(...outcome.value)
    }
    return ok(drafts)
  }
  const { type, object } = TYPES.has(record.type) ? record : { type: 'LISTED', object: record }
  if (type === 'BOOKMARK') return { kind: 'drop', reason: 'bookmark' }
  if (type === 'ERROR') return { kind: 'drop', reason: 'watch_error' }
  if (!isObject(object) || !isApiObject(object)) {
    return reject(
      'not_kubernetes',
      `object: expected an object with apiVersion, kind and metadata, found ${kindOf(object)}`,
    )
  }
  const cluster = typeof record.cluster === 'string' && record.cluster !== '' ? record.cluster : undefined
  try {
    return made(String(type), withoutSecrets(object), { cluster, container: record.container })
  } catch (error) {
    if (error instanceof RangeError) return reject('too_deep', 'the object is nested too deep to be kept as text')
    throw error
  }
}

type About = { readonly cluster: string | undefined; readonly container: unknown }

function made(type: string, object: JsonRecord, { cluster, container }: About): Outcome<EventDraft[]> {
  const fields = new Fields(object, '')
  const meta = fields.object('metadata')
  const kind = fields.text('kind') as string
  const name = meta?.text('name')
  if (name === undefined) return reject('not_kubernetes', 'object.metadata.name: required, not found')
  const raw_data = JSON.stringify(defined({ type, container, cluster, object }))
  const base = (): Pick<EventDraft, 'severity_id' | 'status_id' | 'raw_data'> & {
    metadata: NonNullable<EventDraft['metadata']>
  } => ({
    severity_id: 1,
    status_id: 1,
    raw_data,
    metadata: {
      product: { name: 'Kubernetes', vendor_name: 'CNCF' },
      log_name: 'watch',
      event_code: `${kind.slice(0, 64)}.${type}`,
    },
  })
  if (type === 'STARTED' || type === 'TERMINATED') {
    const draft = kind === 'Pod' ? lifecycleDraft(type, object, container, cluster) : undefined
    return draft === undefined
      ? reject(
          'not_kubernetes',
          `container: expected one with this state in the status of the pod, found ${kindOf(container)}`,
        )
      : ok([{ ...base(), ...draft }])
  }
  const inventory =
    kind === 'Pod' ? containerInventory(object, cluster) : kind === 'Node' ? [nodeInventory(object, cluster)] : []
  const drafts: EventDraft[] = []
  if (type !== 'LISTED') drafts.push({ ...base(), ...changeDraft(type, object, fields, cluster) })
  else if (inventory.length === 0) drafts.push({ ...base(), ...resourceDraft(object, fields, cluster) })
  if (type !== 'DELETED') for (const draft of inventory) drafts.push({ ...base(), ...draft })
  const [first] = drafts
  for (const key of ['apiVersion', 'kind', 'status']) fields.any(key)
  meta?.any('creationTimestamp')
  const unmapped = fields.rest()
  if (first && Object.keys(unmapped).length > 0) first.unmapped = { ...first.unmapped, ...unmapped }
  return ok(drafts)
}

type Draft = Omit<EventDraft, 'severity_id' | 'metadata'>

function changeDraft(type: string, object: JsonRecord, fields: Fields, cluster: string | undefined): Draft {
  const named = namesOf(object, fields)
  const time = type === 'DELETED' ? undefined : changedAt(object)
  const inventory =
    named.kind === 'Pod'
      ? containerInventory(object, cluster)[0]
      : named.kind === 'Node'
        ? nodeInventory(object, cluster)
        : undefined
  return defined({
    class_uid: CLASS.entity_management,
    activity_id: ACTIVITIES[type] ?? 0,
    time,
    message: brief`${named.kind} ${named.name} ${WORDS[type]}`,
    entity: defined({
      name: named.name,
      uid: named.uid,
      type: named.kind,
      type_id: POLICIES.has(named.kind) ? 5 : named.kind === 'Node' ? 1 : named.kind === 'ServiceAccount' ? 2 : 99,
      version: named.version,
      data: named.data,
    }),
    workload: inventory?.workload,
  }) as Draft
}

function resourceDraft(object: JsonRecord, fields: Fields, cluster: string | undefined): Draft {
  const { kind, name, uid, version, data, labels, namespace, created_time } = namesOf(object, fields)
  return {
    class_uid: CLASS.cloud_resources_inventory,
    activity_id: 2,
    message: brief`${kind} ${name}`,
    resources: [
      defined({
        name,
        uid,
        type: kind,
        version,
        namespace,
        labels,
        data,
        created_time,
        group: cluster === undefined ? undefined : { name: cluster, type: 'cluster' },
      }) as JsonObject,
    ],
  } as Draft
}

const DATA = [
  'spec',
  'rules',
  'roleRef',
  'subjects',
  'aggregationRule',
  'secrets',
  'imagePullSecrets',
  'automountServiceAccountToken',
] as const

function namesOf(object: JsonRecord, fields: Fields) {
  const meta = fields.object('metadata')
  const namespace = meta?.text('namespace')
  const name = meta?.text('name') ?? ''
  const labels = meta?.any('labels')
  const data: JsonRecord = {}
  for (const key of DATA) {
    const value = fields.any(key)
    if (value !== undefined) data[key] = value
  }
  const created = parseTime(meta?.text('creationTimestamp') ?? '')
  return {
    kind: String(object.kind),
    namespace,
    name: namespace === undefined ? name : `${namespace}/${name}`,
    uid: meta?.text('uid'),
    version: meta?.text('resourceVersion'),
    data: Object.keys(data).length === 0 ? undefined : data,
    labels: isObject(labels)
      ? Object.entries(labels)
          .slice(0, 64)
          .flatMap(([key, text]) => (typeof text === 'string' ? [`${key}=${text}`] : []))
      : undefined,
    created_time: created !== undefined && isEventTime(created) ? created : undefined,
  }
}

/** When the object was last written, as far as it says so itself. */
function changedAt({ metadata }: JsonRecord): number | undefined {
  const meta = isObject(metadata) ? metadata : {}
  const time = parseTime(
    typeof meta.changed === 'string'
      ? meta.changed
      : typeof meta.creationTimestamp === 'string'
        ? meta.creationTimestamp
        : '',
  )
  return time !== undefined && isEventTime(time) ? time : undefined
}
