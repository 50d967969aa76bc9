import { isObject as isRecord, type JsonRecord } from './fields.js'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** True for the uid of an object of the API. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** `containerd://3f2a9c...`: the runtime and the id it gave. */
export function containerIdOf(value: unknown): { runtime?: string; id: string } | undefined {
  const match = typeof value === 'string' ? /^(?:([a-z0-9.-]{1,32}):\/\/)?([0-9a-f]{12,64})$/.exec(value) : null
  if (!match) return undefined
  return { ...(match[1] === undefined ? {} : { runtime: match[1] }), id: match[2] as string }
}

/**
 * OCSF image of a reference (`registry/shop/api:2.1`) and the id that a runtime gives it, which may be a digest
 * (`sha256:...`), a reference with digest (`docker-pullable://registry/shop/api@sha256:...`) or the reference again.
 */
export function imageOf(reference: unknown, id?: unknown): JsonRecord | undefined {
  const said = typeof reference === 'string' ? reference.slice(0, 1024) : ''
  const digest = digestOf(id) ?? digestOf(reference)
  const [named = ''] = said.split('@', 1)
  const slash = named.lastIndexOf('/')
  const colon = named.lastIndexOf(':')
  const isTagged = colon > slash && !/^sha256:/.test(named)
  const name = isTagged ? named.slice(0, colon) : /^sha256:/.test(named) ? '' : named
  const uid = digest ?? said
  if (uid === '') return undefined
  return { ...(name === '' ? {} : { name }), ...(isTagged ? { tag: named.slice(colon + 1) } : {}), uid }
}

function digestOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const at = value.lastIndexOf('sha256:')
  return at < 0 || value.length - at > 71 ? undefined : value.slice(at)
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
/** Far more than fit into an object of the API, which etcd keeps below 1.5 MB. */
const MAX_VARIABLES = 20_000
/** Objects whose values may be passwords. */
const SECRET_KINDS = new Set<unknown>(['Secret', 'ConfigMap'])

/**
 * The object without what may be secret (values of environment variables, Secrets and ConfigMaps) or only repeats it (the
 * configuration that was applied last, and which field was set by whom: of that, `changed` says the latest time).
 */
export function withoutSecrets(object: JsonRecord): JsonRecord {
  const copy: JsonRecord = { ...object }
  if (SECRET_KINDS.has(object.kind)) for (const key of ['data', 'stringData', 'binaryData']) delete copy[key]
  if (isRecord(object.metadata)) {
    const { managedFields, annotations, ...meta } = object.metadata
    const changed = latest(managedFields, meta.creationTimestamp)
    const kept = isRecord(annotations) ? { ...annotations } : undefined
    if (kept !== undefined) delete kept[LAST_APPLIED]
    copy.metadata = {
      ...meta,
      ...(kept === undefined ? {} : { annotations: kept }),
      ...(changed === undefined ? {} : { changed }),
    }
  }
  if (isRecord(object.spec)) copy.spec = withoutValues(object.spec)
  return copy
}

/** A pod's specification, or one with the template of pods, without the values of environment variables. */
function withoutValues(spec: JsonRecord): JsonRecord {
  const copy = { ...spec }
  for (const key of ['containers', 'initContainers', 'ephemeralContainers']) {
    if (!Array.isArray(spec[key])) continue
    copy[key] = spec[key].map((one: unknown) => {
      if (!isRecord(one) || !Array.isArray(one.env)) return one
      const env = one.env.slice(0, MAX_VARIABLES)
      return { ...one, env: env.map((variable: unknown) => (isRecord(variable) ? { name: variable.name } : {})) }
    })
  }
  if (isRecord(spec.template) && isRecord(spec.template.spec)) {
    copy.template = { ...spec.template, spec: withoutValues(spec.template.spec) }
  }
  // A cron job has a template of jobs, which has one of pods.
  if (isRecord(spec.jobTemplate) && isRecord(spec.jobTemplate.spec)) {
    copy.jobTemplate = { ...spec.jobTemplate, spec: withoutValues(spec.jobTemplate.spec) }
  }
  return copy
}

/** Times of the API are texts of one length, so the latest is the greatest. */
function latest(managed: unknown, created: unknown): string | undefined {
  const times = [
    created,
    ...(Array.isArray(managed) ? managed.slice(-64) : []).map((one) => (isRecord(one) ? one.time : undefined)),
  ]
  return times.reduce<string | undefined>(
    (a, b) => (typeof b === 'string' && b.length <= 32 && (a === undefined || b > a) ? b : a),
    undefined,
  )
}
