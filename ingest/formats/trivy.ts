import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { brief, defined, Fields, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import {
  type Artifact,
  chunksOf,
  cvssOf,
  hashOf,
  inventoryDraft,
  type Origin,
  packageTypeOf,
  partsFormat,
  severityOf,
  tagOf,
  textOf,
  textsOf,
  vulnerabilityDraft,
} from './software-report.js'
import { isEventTime, parseTime } from './time.js'
import { isOperatorReport, operatorReport } from './trivy-operator.js'

/** Trivy's JSON reports (image, file system, repository, VM, Kubernetes) and the reports of the Trivy operator. */
export const trivy = defineFormat({
  name: 'trivy',
  summary: 'Trivy reports: a vulnerability finding for each weakness, and the inventory of packages',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
A report is taken apart: each weakness, misconfiguration and secret is an event of its own, with its part of the report as
raw record; the packages become Software Inventory events of up to 500 components. An image is no workload.

# Vulnerability Finding 2002
VulnerabilityID | vulnerabilities.cve.uid, vulnerabilities.advisory.uid | what is no CVE is an advisory
Severity | severity_id, vulnerabilities.severity |
Title, Description | vulnerabilities.title, vulnerabilities.desc, finding_info.title |
PkgName, InstalledVersion, FixedVersion, PkgPath | vulnerabilities.affected_packages.name, vulnerabilities.affected_packages.version, vulnerabilities.affected_packages.fixed_in_version, vulnerabilities.affected_packages.path |
PkgIdentifier.PURL | vulnerabilities.affected_packages.purl |
CVSS, CweIDs, References | vulnerabilities.cve.cvss, vulnerabilities.cve.related_cwes, vulnerabilities.references |
PublishedDate, LastModifiedDate | vulnerabilities.cve.created_time, vulnerabilities.cve.modified_time |
PrimaryURL, DataSource.Name, Status | finding_info.src_url, vulnerabilities.vendor_name, status_detail |
ArtifactName, Metadata.RepoDigests, ImageID | resources.name, resources.uid, device.image.uid |
Metadata.OS | device.os.name, device.os.version |
CreatedAt | time |

# Software Inventory Info 5020
Results.Packages | sbom.software_components |

# Compliance Finding 2003
Misconfigurations.ID, Title, Status | compliance.control, finding_info.title, compliance.status_id |

# Detection Finding 2004
Secrets.RuleID, Title, Category | finding_info.analytic.uid, finding_info.title, finding_info.analytic.category | the secret itself is not repeated outside of the raw record
`,
  detect(record) {
    if (!isObject(record)) return 0
    if (isOperatorReport(record)) return 0.97
    if (isPart(record)) return 0.9
    if (Array.isArray(record.Results)) return 'ArtifactName' in record || 'SchemaVersion' in record ? 0.97 : 0.3
    return Array.isArray(record.Resources) && 'ClusterName' in record ? 0.9 : 0
  },
  split,
  create: () => partsFormat(split, onePart),
})

type Part = JsonRecord & { artifact: JsonRecord; result: JsonRecord }

const LISTS = { Vulnerabilities: 'vulnerability', Misconfigurations: 'misconfiguration', Secrets: 'secret' } as const

function isPart(record: JsonRecord): boolean {
  return isObject(record.artifact) && isObject(record.result) && 'ArtifactName' in record.artifact
}

function split(record: unknown): readonly unknown[] | undefined {
  if (!isObject(record) || isPart(record)) return undefined
  if (isOperatorReport(record)) return split(operatorReport(record))
  if (Array.isArray(record.Resources) && 'ClusterName' in record) {
    return record.Resources.filter(isObject).flatMap((resource) => {
      const { Namespace, Kind, Name, Results, Metadata } = resource
      const image = Array.isArray(Metadata) ? Metadata[0] : Metadata
      const name = [Namespace, Kind, Name].map(textOf).filter(Boolean).join('/')
      return (
        split({ ArtifactName: name, ArtifactType: 'kubernetes', Namespace, Metadata: image, Results: Results ?? [] }) ??
        []
      )
    })
  }
  if (!Array.isArray(record.Results)) return undefined
  const artifact: JsonRecord = {}
  for (const key of Object.keys(record)) if (key !== 'Results' && key !== 'Metadata') setOwn(artifact, key, record[key])
  if (isObject(record.Metadata)) artifact.Metadata = reduced(record.Metadata)
  artifact.ArtifactName ??= 'unknown'
  const parts: Part[] = []
  const packages: unknown[] = []
  for (const entry of record.Results) {
    if (!isObject(entry)) continue
    const result = defined({ Target: entry.Target, Class: entry.Class, Type: entry.Type })
    for (const [list, name] of Object.entries(LISTS)) {
      const found = entry[list]
      for (const one of Array.isArray(found) ? found : []) parts.push({ artifact, result, [name]: one })
    }
    if (Array.isArray(entry.Packages))
      for (const one of entry.Packages) packages.push({ type: entry.Type, package: one })
  }
  for (const chunk of chunksOf(packages)) parts.push({ artifact, result: {}, packages: chunk })
  return parts
}

/** Metadata without the image's history, layers and configuration, which every part would repeat. */
function reduced({ ImageConfig: _, DiffIDs: __, Layers: ___, ...rest }: JsonRecord): JsonRecord {
  return rest
}

function onePart(part: unknown): Outcome<EventDraft[]> {
  if (!isObject(part) || !isPart(part)) {
    return reject('not_trivy', `expected a report with Results, found ${kindOf(part)}`)
  }
  const artifact = artifactOf(new Fields(part.artifact as JsonRecord, ''))
  if (artifact.kind !== 'ok') return artifact
  const result = new Fields(part.result as JsonRecord, 'result')
  const named = Object.values(LISTS).find((name) => name in part)
  if (named === undefined) {
    const components = (Array.isArray(part.packages) ? part.packages : []).flatMap(componentOf)
    return ok([
      inventoryDraft(artifact.value.artifact, components, { type_id: 99, type: 'Trivy' }, artifact.value.origin),
    ])
  }
  if (!isObject(part[named])) return reject('not_trivy', `${named}: expected an object, found ${kindOf(part[named])}`)
  const fields = new Fields(part[named], '')
  const draft = readers[named](artifact.value, fields, result)
  if (draft === undefined) return reject('not_trivy', `${named}: an id is required, none found`)
  const unmapped = result.rest(fields.rest())
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

type Known = { artifact: Artifact; origin: Origin }

const TYPES: { readonly [type: string]: string } = {
  container_image: 'Container Image',
  filesystem: 'File System',
  repository: 'Repository',
  vm: 'Virtual Machine Image',
  kubernetes: 'Kubernetes Resource',
}

function artifactOf(fields: Fields): Outcome<Known> {
  const name = fields.text('ArtifactName') ?? 'unknown'
  const kind = fields.text('ArtifactType') ?? 'container_image'
  const created = fields.text('CreatedAt')
  const meta = fields.object('Metadata')
  const os = meta?.object('OS')
  const digest = textsOf(meta?.any('RepoDigests'))[0]
  const tags = textsOf(meta?.any('RepoTags'))
  const time = created === undefined ? undefined : parseTime(created)
  if (time !== undefined && !isEventTime(time)) return reject('bad_time', `CreatedAt: not a date, found ${created}`)
  // An inventory that Trivy read, and whatever a newer version examines, is no machine.
  const type = Object.hasOwn(TYPES, kind) ? (TYPES[kind] as string) : 'Software'
  return ok({
    artifact: {
      name,
      uid: digest?.split('@', 2)[1] ?? meta?.text('ImageID'),
      type,
      tag: tagOf(tags[0] ?? (type === 'Container Image' ? name : undefined)),
      os: os?.text('Family'),
      os_version: os?.text('Name'),
      namespace: fields.text('Namespace'),
    },
    origin: {
      time,
      metadata: defined({
        product: { name: 'Trivy', vendor_name: 'Aqua Security' },
        log_name: 'trivy',
        original_time: created,
        profiles: undefined,
      }) as Origin['metadata'],
    },
  })
}

const readers = { vulnerability, misconfiguration, secret } as const

function timeOf(fields: Fields, key: string): number | undefined {
  const text = fields.text(key)
  const time = text === undefined ? undefined : parseTime(text)
  return time !== undefined && isEventTime(time) ? time : undefined
}

function vulnerability({ artifact, origin }: Known, fields: Fields, result: Fields): EventDraft | undefined {
  const id = fields.text('VulnerabilityID')
  if (id === undefined) return undefined
  const type = result.text('Type')
  const cls = result.text('Class')
  const scores = fields.any('CVSS')
  const cvss = (isObject(scores) ? Object.entries(scores).slice(0, 16) : []).flatMap(([vendor, one]) => {
    if (!isObject(one)) return []
    return [
      cvssOf(one.V2Score, one.V2Vector, vendor, '2.0'),
      cvssOf(one.V3Score, one.V3Vector, vendor),
      cvssOf(one.V40Score, one.V40Vector, vendor, '4.0'),
    ].filter((score) => score !== undefined)
  })
  const source = fields.object('DataSource')
  source?.any('ID')
  const identifier = fields.object('PkgIdentifier')
  return vulnerabilityDraft(
    artifact,
    {
      id,
      title: fields.text('Title'),
      desc: fields.text('Description'),
      severity: fields.text('Severity'),
      cvss,
      cwes: textsOf(fields.any('CweIDs')),
      references: textsOf(fields.any('References')),
      url: fields.text('PrimaryURL'),
      published: timeOf(fields, 'PublishedDate'),
      modified: timeOf(fields, 'LastModifiedDate'),
      vendor: source?.text('Name'),
      status: fields.text('Status'),
      related: textsOf(fields.any('VendorIDs')),
      packages: [
        defined({
          name: fields.text('PkgName') ?? 'unknown',
          version: fields.text('InstalledVersion') ?? 'unknown',
          fixed_in_version: fields.text('FixedVersion'),
          path: fields.text('PkgPath') ?? (cls === 'lang-pkgs' ? result.text('Target') : undefined),
          purl: identifier?.text('PURL'),
          uid: fields.text('PkgID'),
          package_manager: type,
          type_id: cls === 'os-pkgs' ? 2 : packageTypeOf(type),
        }),
      ],
    },
    origin,
  )
}

function misconfiguration({ artifact, origin }: Known, fields: Fields, result: Fields): EventDraft | undefined {
  const id = fields.text('ID') ?? fields.text('AVDID')
  if (id === undefined) return undefined
  fields.any('AVDID')
  const title = fields.text('Title') ?? id
  const desc = fields.text('Description')
  const severity = fields.text('Severity')
  const state = fields.text('Status')
  const resolution = fields.text('Resolution')
  const target = result.text('Target')
  const references = textsOf(fields.any('References'))
  const draft = {
    class_uid: CLASS.compliance_finding,
    activity_id: 1,
    status_id: 1,
    severity_id: severityOf(severity),
    time: origin.time,
    message: brief`${id} ${title}: ${target ?? artifact.name}`,
    finding_info: defined({
      uid: [artifact.uid ?? artifact.name, target, id].filter(Boolean).join('|'),
      title,
      desc,
      created_time: origin.time,
      src_url: fields.text('PrimaryURL'),
      types: ['Misconfiguration'],
    }),
    compliance: defined({
      control: id,
      requirements: [title],
      standards: [fields.text('Type') ?? 'Trivy checks'],
      status_id: state === 'PASS' ? 1 : state === 'FAIL' ? 3 : 0,
      status: state === 'PASS' ? 'Pass' : state === 'FAIL' ? 'Fail' : 'Unknown',
      desc: fields.text('Message'),
    }),
    remediation:
      resolution === undefined
        ? undefined
        : defined({ desc: resolution, references: references.length > 0 ? references : undefined }),
    resources: [defined({ name: target ?? artifact.name, uid: artifact.uid, type: artifact.type, role_id: 3 })],
    metadata: origin.metadata,
  }
  return defined(draft) as EventDraft
}

function secret({ artifact, origin }: Known, fields: Fields, result: Fields): EventDraft | undefined {
  const uid = fields.text('RuleID')
  if (uid === undefined) return undefined
  const title = fields.text('Title') ?? uid
  const target = result.text('Target') ?? artifact.name
  // The lines around it may show the secret; the raw record has them.
  for (const key of ['Match', 'Code']) fields.any(key)
  const line = fields.number('StartLine')
  return defined({
    class_uid: CLASS.detection_finding,
    activity_id: 1,
    status_id: 1,
    severity_id: severityOf(fields.text('Severity')),
    time: origin.time,
    message: brief`Secret in ${target}: ${title}`,
    finding_info: defined({
      uid: [artifact.uid ?? artifact.name, target, uid, line].filter((one) => one !== undefined).join('|'),
      title: `Secret in ${artifact.name}: ${title}`,
      created_time: origin.time,
      analytic: defined({ uid, name: title, type_id: 1, category: fields.text('Category') }),
      types: ['Secret'],
    }),
    evidences: [{ file: { name: target.slice(target.lastIndexOf('/') + 1) || target, path: target, type_id: 1 } }],
    resources: [defined({ name: artifact.name, uid: artifact.uid, type: artifact.type, role_id: 3 })],
    metadata: origin.metadata,
  }) as EventDraft
}

/** A package as a component of the inventory. */
function componentOf(entry: unknown): JsonRecord[] {
  const pack = isObject(entry) ? entry.package : undefined
  if (!isObject(pack)) return []
  const name = textOf(pack.Name)
  if (name === undefined) return []
  const version = [textOf(pack.Version), textOf(pack.Release)].filter(Boolean).join('-')
  const digest = textOf(pack.Digest)
  const [algorithm, value] = digest?.split(':', 2) ?? []
  return [
    defined({
      name,
      version: version || 'unknown',
      purl: isObject(pack.Identifier) ? textOf(pack.Identifier.PURL) : undefined,
      license: textsOf(pack.Licenses).join(' AND ') || undefined,
      author: textOf(pack.Maintainer),
      type_id: 2,
      hash: hashOf(algorithm, value),
    }),
  ]
}
