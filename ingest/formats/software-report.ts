import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata } from '../../ocsf/event.js'
import type { Format } from '../contract.js'
import { brief, defined, type JsonRecord } from './fields.js'

/** What was examined: an image, a file system, a repository. */
export type Artifact = {
  readonly name: string
  /** Digest of an image, else whatever identifies it. */
  readonly uid?: string | undefined
  readonly type: string
  readonly tag?: string | undefined
  readonly os?: string | undefined
  readonly os_version?: string | undefined
  readonly namespace?: string | undefined
  readonly labels?: readonly string[] | undefined
}

/** One weakness of one package. */
export type Weakness = {
  readonly id: string
  readonly title?: string | undefined
  readonly desc?: string | undefined
  readonly severity?: string | undefined
  readonly cvss?: readonly JsonRecord[] | undefined
  readonly epss?: JsonRecord | undefined
  readonly cwes?: readonly string[] | undefined
  readonly references?: readonly string[] | undefined
  readonly url?: string | undefined
  readonly published?: number | undefined
  readonly modified?: number | undefined
  readonly vendor?: string | undefined
  readonly packages: readonly JsonRecord[]
  readonly related?: readonly string[] | undefined
  readonly is_exploited?: boolean | undefined
  /** What to do, where the source says it. */
  readonly advice?: string | undefined
  /** The source's word: fixed, affected, will_not_fix. */
  readonly status?: string | undefined
}

/** Where and when a report comes from. */
export type Origin = { readonly time?: number | undefined; readonly metadata: Partial<Metadata> }

/** Components in one inventory event: a large image has thousands. */
const CHUNK = 500

const SEVERITIES: { readonly [word: string]: number } = {
  unknown: 0,
  none: 1,
  info: 1,
  negligible: 1,
  low: 2,
  moderate: 3,
  medium: 3,
  high: 4,
  important: 4,
  critical: 5,
}

/** OCSF severity of a scanner's word. */
export function severityOf(word: string | undefined): number {
  const key = (word ?? 'unknown').slice(0, 64).toLowerCase()
  return Object.hasOwn(SEVERITIES, key) ? (SEVERITIES[key] as number) : 0
}

/** A format that takes reports apart: `one` reads a part; a runner that does not split gets all of them. */
export function partsFormat(
  split: (record: unknown) => readonly unknown[] | undefined,
  one: (part: unknown) => Outcome<EventDraft[]>,
): Format {
  return (record) => {
    const parts = split(record)
    if (parts === undefined) return one(record)
    const drafts: EventDraft[] = []
    for (const part of parts) {
      const outcome = one(part)
      if (outcome.kind !== 'ok') return outcome
      try {
        const raw_data = JSON.stringify(part)
        for (const draft of outcome.value) drafts.push({ ...draft, raw_data })
      } catch {
        return reject('too_deep', 'a part is nested too deep to be kept as text')
      }
    }
    return ok(drafts)
  }
}

/** The artifact as OCSF's device: what an inventory and a finding is about. It is no workload, but what some are made of. */
function deviceOf({ name, uid, type, tag, os, os_version }: Artifact): JsonRecord {
  return defined({
    uid,
    name,
    type_id: 99,
    type,
    image: type === 'Container Image' ? imageOf(name, uid, tag) : undefined,
    os: os === undefined ? undefined : defined({ name: os, type_id: 200, version: os_version }),
  })
}

function imageOf(name: string, uid: string | undefined, tag: string | undefined): JsonRecord {
  const bare = (name.split('@', 1)[0] ?? name) || name
  const isTagged = tag !== undefined && bare.endsWith(`:${tag}`)
  return defined({ name: isTagged ? bare.slice(0, -tag.length - 1) : bare, tag, uid: uid ?? name })
}

function resourceOf({ name, uid, type, namespace, labels, os_version }: Artifact): JsonRecord {
  return defined({
    name,
    uid,
    type,
    namespace,
    role_id: 3,
    version: type === 'Operating System' ? os_version : undefined,
    labels: labels === undefined || labels.length === 0 ? undefined : [...labels],
  })
}

/** The Vulnerability Finding of one weakness. */
export function vulnerabilityDraft(artifact: Artifact, weakness: Weakness, { time, metadata }: Origin): EventDraft {
  const { id, title, desc, packages, references, status } = weakness
  const [first] = packages
  const named = first === undefined ? '' : ` in ${String(first.name)} ${String(first.version)}`
  const fixed = first?.fixed_in_version
  const advice =
    weakness.advice ?? (typeof fixed === 'string' ? `Update ${String(first?.name)} to ${fixed}.` : undefined)
  const draft: EventDraft = {
    class_uid: CLASS.vulnerability_finding,
    activity_id: 1,
    status_id: 1,
    severity_id: severityOf(weakness.severity),
    message: brief`${id}${named}: ${title ?? desc ?? artifact.name}`,
    finding_info: defined({
      uid: [artifact.uid ?? artifact.name, id, first?.purl ?? first?.name, first?.version, first?.path]
        .filter((part) => part !== undefined)
        .join('|'),
      title: `${id}${named}`,
      desc,
      created_time: time,
      src_url: weakness.url,
      types: ['Vulnerability'],
    }),
    vulnerabilities: [
      defined({
        ...identityOf(weakness),
        title,
        desc,
        severity: weakness.severity,
        references: references === undefined || references.length === 0 ? undefined : [...references],
        affected_packages: packages.length === 0 ? undefined : [...packages],
        is_fix_available: first === undefined ? undefined : fixed !== undefined,
        is_exploit_available: weakness.is_exploited,
        vendor_name: weakness.vendor,
        related_vulnerabilities:
          weakness.related === undefined || weakness.related.length === 0 ? undefined : [...weakness.related],
        remediation: advice === undefined ? undefined : { desc: advice },
      }),
    ],
    resources: [resourceOf(artifact)],
    device: deviceOf(artifact),
    metadata,
  }
  if (status !== undefined) draft.status_detail = status
  if (time !== undefined) draft.time = time
  return draft
}

/** OCSF: a CVE, or an advisory of somebody else (GHSA, RHSA, DSA), one of both. */
function identityOf({ id, title, desc, cvss, epss, cwes, references, published, modified, url, related }: Weakness) {
  const shared = { title, desc, created_time: published, modified_time: modified }
  const weaknesses = cwes?.map((uid) => ({ uid }))
  const cve = (uid: string) =>
    defined({
      uid,
      ...shared,
      cvss: cvss === undefined || cvss.length === 0 ? undefined : [...cvss],
      epss,
      related_cwes: weaknesses === undefined || weaknesses.length === 0 ? undefined : weaknesses,
      references: references === undefined || references.length === 0 ? undefined : [...references],
    })
  if (/^CVE-/i.test(id)) return { cve: cve(id) }
  const cves = (related ?? []).filter((one) => /^CVE-/i.test(one))
  return {
    advisory: defined({
      uid: id,
      ...shared,
      src_url: url,
      related_cves: cves.length > 0 ? cves.map((uid) => cve(uid)) : undefined,
      related_cwes: weaknesses === undefined || weaknesses.length === 0 ? undefined : weaknesses,
    }),
  }
}

/** The Software Inventory of an artifact, or of a part of its components. */
export function inventoryDraft(
  artifact: Artifact,
  components: readonly JsonRecord[],
  sbom: JsonRecord,
  { time, metadata }: Origin,
): EventDraft {
  const own = { name: artifact.name, version: artifact.tag ?? artifact.os_version ?? artifact.uid ?? 'unknown' }
  const pack = defined({ ...own, uid: artifact.uid, type_id: 99, type: artifact.type })
  return defined({
    class_uid: CLASS.software_info,
    activity_id: 2,
    severity_id: 1,
    status_id: 1,
    time,
    message: `${artifact.name}: ${components.length} components`,
    device: deviceOf(artifact),
    package: pack,
    sbom: components.length === 0 ? undefined : { ...sbom, package: pack, software_components: [...components] },
    metadata,
  }) as EventDraft
}

const HASHES: { readonly [name: string]: number } = { md5: 1, sha1: 2, sha256: 3, sha512: 4, sha384: 9, sha224: 8 }

/** OCSF fingerprint of a named hash (`SHA-256`, `sha256`). */
export function hashOf(algorithm: unknown, value: unknown): JsonRecord | undefined {
  if (typeof algorithm !== 'string' || typeof value !== 'string' || value === '') return undefined
  const name = algorithm.slice(0, 32).toLowerCase().replaceAll(/[-_]/g, '')
  const algorithm_id = Object.hasOwn(HASHES, name) ? HASHES[name] : undefined
  return algorithm_id === undefined ? { algorithm_id: 99, algorithm, value } : { algorithm_id, value }
}

/** OCSF CVSS of a score and its vector; the version stands in the vector from 3.0 on. */
export function cvssOf(
  score: unknown,
  vector: unknown,
  vendor_name?: string,
  version?: string,
): JsonRecord | undefined {
  if (typeof score !== 'number' || !Number.isFinite(score)) return undefined
  const vector_string = typeof vector === 'string' && vector !== '' ? vector : undefined
  const said = /^CVSS:(\d\.\d)\//.exec(vector_string ?? '')?.[1]
  return defined({ base_score: score, version: version ?? said ?? '2.0', vector_string, vendor_name })
}

/** Cut into parts of at most CHUNK; one empty part if there is nothing. */
export function chunksOf(list: readonly unknown[]): (readonly unknown[])[] {
  const chunks: (readonly unknown[])[] = [list.slice(0, CHUNK)]
  for (let from = CHUNK; from < list.length; from += CHUNK) chunks.push(list.slice(from, from + CHUNK))
  return chunks
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The texts of a list. */
export function textsOf(value: unknown, most = 64): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string' && one !== '').slice(0, most) : []
}

/** The tag of an image reference; undefined for a digest. */
export function tagOf(reference: string | undefined): string | undefined {
  const bare = reference?.split('@', 1)[0] ?? ''
  const colon = bare.lastIndexOf(':')
  return colon > bare.lastIndexOf('/') ? bare.slice(colon + 1) || undefined : undefined
}

/** 1 application, 2 operating system package. */
export function packageTypeOf(type: string | undefined): number {
  return /^(deb|rpm|apk|alpm|dpkg|os-pkgs|portage|alpine|debian|ubuntu|redhat|amazon|wolfi)/.test(type ?? '') ? 2 : 1
}
