import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { bomParts } from './cyclonedx-parts.js'
import { bomVulnerability } from './cyclonedx-vulnerability.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { bestHash, dependency, digestOf, joined, toolProduct } from './sbom-parts.js'
import { type Artifact, inventoryDraft, type Origin, partsFormat, tagOf, textOf } from './software-report.js'
import { isEventTime, parseTime } from './time.js'

/** CycloneDX inventories (JSON, 1.2 to 1.6) and the vulnerabilities written into them. */
export const cyclonedx = defineFormat({
  name: 'cyclonedx',
  summary: 'CycloneDX inventories (JSON): components of a piece of software, and the vulnerabilities they list',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
An inventory is taken apart: up to 500 components are one event, with their part of the inventory as raw record, and each
vulnerability (also of a VEX document) is an event of its own. Components inside of components are listed beside them. What
the inventory is about is no workload, but what some are made of.

# Software Inventory Info 5020
metadata.component.name, version, purl | device.name, device.image, package.name, package.version, package.uid | a container's digest is its uid
metadata.timestamp | time, sbom.created_time |
metadata.tools | sbom.product, metadata.product |
serialNumber, version | sbom.uid, sbom.version |
components.name, group, version, type | sbom.software_components.name, sbom.software_components.version, sbom.software_components.type | group/name
components.purl, licenses, author, hashes | sbom.software_components.purl, sbom.software_components.license, sbom.software_components.author, sbom.software_components.hash | SHA-256 where there is one
dependencies | sbom.software_components.related_component, sbom.software_components.relationship_id | the first that depends on it; the others are in the raw record

# Vulnerability Finding 2002
vulnerabilities.id | vulnerabilities.cve.uid, vulnerabilities.advisory.uid | what is no CVE is an advisory
vulnerabilities.ratings | severity_id, vulnerabilities.severity, vulnerabilities.cve.cvss | the worst one
vulnerabilities.description, recommendation | vulnerabilities.desc, vulnerabilities.remediation.desc |
vulnerabilities.cwes, advisories, source | vulnerabilities.cve.related_cwes, vulnerabilities.references, finding_info.src_url, vulnerabilities.vendor_name |
vulnerabilities.published, updated | vulnerabilities.cve.created_time, vulnerabilities.cve.modified_time |
vulnerabilities.affects | vulnerabilities.affected_packages |
vulnerabilities.analysis.state | status_detail, status_id | not_affected and false_positive are suppressed, resolved is resolved
`,
  detect(record) {
    if (!isObject(record)) return 0
    if (record.bomFormat === 'CycloneDX') return 0.98
    return isPart(record) ? 0.9 : 0
  },
  split,
  create: () => partsFormat(split, onePart),
})

function isPart(record: JsonRecord): boolean {
  return isObject(record.bom) && record.bom.bomFormat === 'CycloneDX'
}

function split(record: unknown): readonly unknown[] | undefined {
  return isObject(record) && record.bomFormat === 'CycloneDX' ? bomParts(record) : undefined
}

function onePart(part: unknown): Outcome<EventDraft[]> {
  if (!isObject(part) || !isPart(part)) {
    return reject('not_cyclonedx', `expected an inventory with bomFormat CycloneDX, found ${kindOf(part)}`)
  }
  const bom = new Fields(part.bom as JsonRecord, '')
  const known = knownOf(bom)
  if (known.kind !== 'ok') return known
  const { artifact, origin, sbom } = known.value
  let draft: EventDraft | undefined
  let unmapped: JsonRecord
  if ('vulnerability' in part) {
    if (!isObject(part.vulnerability)) {
      return reject('not_cyclonedx', `vulnerability: expected an object, found ${kindOf(part.vulnerability)}`)
    }
    const fields = new Fields(part.vulnerability, '')
    draft = bomVulnerability(artifact, fields, part.affected, origin)
    unmapped = fields.rest()
  } else {
    draft = inventoryDraft(artifact, componentsOf(part.components), sbom, origin)
    unmapped = bom.rest()
  }
  if (draft === undefined) return reject('not_cyclonedx', 'vulnerability.id: required, none found')
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

type Known = { artifact: Artifact; origin: Origin; sbom: JsonRecord }

function knownOf(bom: Fields): Outcome<Known> {
  bom.text('bomFormat')
  const specification = bom.text('specVersion')
  const serial = bom.text('serialNumber')
  const version = bom.number('version')
  const metadata = bom.object('metadata')
  const written = metadata?.text('timestamp')
  const time = written === undefined ? undefined : parseTime(written)
  if (written !== undefined && (time === undefined || !isEventTime(time))) {
    return reject('bad_time', `metadata.timestamp: expected a date from 1970 to 2200, found ${kindOf(written)}`)
  }
  const tool = toolOf(metadata)
  const product = toolProduct(textOf(tool.name), textOf(tool.vendor) ?? textOf(tool.publisher), textOf(tool.version))
  return ok({
    artifact: artifactOf(metadata?.object('component'), serial),
    origin: {
      time,
      metadata: defined({
        product: product ?? { name: 'CycloneDX', vendor_name: 'OWASP' },
        log_name: 'cyclonedx',
        log_version: specification,
        original_time: written,
      }) as Origin['metadata'],
    },
    sbom: defined({
      type_id: 2,
      type: 'CycloneDX',
      uid: serial,
      version: version === undefined ? undefined : String(version),
      created_time: time,
      product,
    }),
  })
}

/** The first tool: a list until 1.4, from 1.5 on an object of components and services. */
function toolOf(metadata: Fields | undefined): JsonRecord {
  const tools = metadata?.any('tools')
  const listed: unknown = isObject(tools) ? tools.components : tools
  // Only the first has a home: with others the list stays.
  if (!Array.isArray(listed) || listed.length > 1) metadata?.keep('tools')
  return Array.isArray(listed) && isObject(listed[0]) ? listed[0] : {}
}

function artifactOf(component: Fields | undefined, serial: string | undefined): Artifact {
  const group = component?.text('group')
  const bare = component?.text('name') ?? serial ?? 'unknown'
  const name = group === undefined ? bare : `${group}/${bare}`
  const kind = component?.text('type')
  const version = component?.text('version')
  const purl = component?.text('purl')
  if (kind !== 'container') {
    component?.keep('type')
    return {
      name,
      type: kind === 'file' ? 'File System' : 'Software',
      tag: version,
      uid: purl ?? component?.text('bom-ref'),
    }
  }
  const isDigest = version?.startsWith('sha256:') === true
  const digest = repoDigest(component?.any('properties')) ?? digestOf(purl) ?? (isDigest ? version : undefined)
  component?.keep('properties')
  return { name, type: 'Container Image', tag: tagOf(name) ?? (isDigest ? undefined : version), uid: digest }
}

/** Trivy writes the digest under which the registry has the image as a property. */
function repoDigest(properties: unknown): string | undefined {
  for (const one of Array.isArray(properties) ? properties.slice(0, 64) : []) {
    if (isObject(one) && one.name === 'aquasecurity:trivy:RepoDigest') return textOf(one.value)?.split('@', 2)[1]
  }
  return undefined
}

const TYPES: { readonly [type: string]: number } = { framework: 1, library: 2, 'operating-system': 3 }

function componentsOf(listed: unknown): JsonRecord[] {
  return (Array.isArray(listed) ? listed : []).flatMap((entry) => {
    const component = isObject(entry) && isObject(entry.component) ? entry.component : undefined
    const bare = textOf(component?.name)
    if (component === undefined || bare === undefined) return []
    const group = textOf(component.group)
    const type = textOf(component.type)
    const supplier = isObject(component.supplier) ? textOf(component.supplier.name) : undefined
    return [
      defined({
        name: group === undefined ? bare : `${group}/${bare}`,
        version: textOf(component.version) ?? 'unknown',
        purl: textOf(component.purl),
        license: licenseOf(component.licenses),
        author: textOf(component.author) ?? authorOf(component.authors) ?? textOf(component.publisher) ?? supplier,
        hash: bestHash(component.hashes, 'alg', 'content'),
        type_id: type !== undefined && Object.hasOwn(TYPES, type) ? TYPES[type] : 99,
        type,
        ...dependency(textOf(entry.dependency_of)),
      }),
    ]
  })
}

function authorOf(authors: unknown): string | undefined {
  const [first] = Array.isArray(authors) ? authors : []
  return isObject(first) ? (textOf(first.name) ?? textOf(first.email)) : undefined
}

function licenseOf(licenses: unknown): string | undefined {
  return joined(
    (Array.isArray(licenses) ? licenses.slice(0, 16) : []).map((one) => {
      if (!isObject(one)) return undefined
      return isObject(one.license) ? (one.license.id ?? one.license.name) : one.expression
    }),
  )
}
