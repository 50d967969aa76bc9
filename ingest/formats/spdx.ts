import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { bestHash, dependency, digestOf, joined, toolProduct } from './sbom-parts.js'
import { type Artifact, inventoryDraft, type Origin, partsFormat, tagOf, textOf } from './software-report.js'
import { purlOf, spdxParts } from './spdx-parts.js'
import { isEventTime, parseTime } from './time.js'

/** SPDX documents (JSON, 2.2 and 2.3). */
export const spdx = defineFormat({
  name: 'spdx',
  summary: 'SPDX documents (JSON, 2.2 and 2.3): packages and files of a piece of software',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
A document is taken apart: up to 500 packages or files are one event, with their part of the document as raw record. The
export of GitHub's dependency graph, which wraps the document in \`sbom\`, is read as well. What the document is about is no
workload, but what some are made of.

# Software Inventory Info 5020
name | device.name, package.name | the name of the package it describes, where there is one
packages described: versionInfo, purl, checksums | package.version, package.uid, device.image |
creationInfo.created | time, sbom.created_time |
creationInfo.creators | sbom.product, metadata.product | the first tool
documentNamespace, spdxVersion | sbom.uid, metadata.log_version |
packages.name, versionInfo, primaryPackagePurpose | sbom.software_components.name, sbom.software_components.version, sbom.software_components.type |
packages.externalRefs (purl) | sbom.software_components.purl |
packages.licenseConcluded, licenseDeclared | sbom.software_components.license | the concluded one, unless it says nothing
packages.originator, supplier | sbom.software_components.author |
packages.checksums, files.checksums | sbom.software_components.hash | SHA-256 where there is one
files.fileName | sbom.software_components.name | type FILE
relationships DEPENDS_ON, DEPENDENCY_OF | sbom.software_components.related_component, sbom.software_components.relationship_id | the first that depends on it; the others are in the raw record
`,
  detect(record) {
    if (!isObject(record)) return 0
    if (isDocument(record)) return 0.98
    if (isObject(record.sbom) && isDocument(record.sbom)) return 0.97
    return isPart(record) ? 0.9 : 0
  },
  split,
  create: () => partsFormat(split, onePart),
})

function isDocument(record: JsonRecord): boolean {
  return typeof record.spdxVersion === 'string' && record.spdxVersion.startsWith('SPDX-2.')
}

function isPart(record: JsonRecord): boolean {
  return isObject(record.document) && isDocument(record.document)
}

function split(record: unknown): readonly unknown[] | undefined {
  if (!isObject(record)) return undefined
  if (isDocument(record)) return spdxParts(record)
  return isObject(record.sbom) && isDocument(record.sbom) ? spdxParts(record.sbom) : undefined
}

function onePart(part: unknown): Outcome<EventDraft[]> {
  if (!isObject(part) || !isPart(part)) {
    return reject('not_spdx', `expected a document with spdxVersion SPDX-2.2 or 2.3, found ${kindOf(part)}`)
  }
  const fields = new Fields(part.document as JsonRecord, '')
  const name = fields.text('name')
  const created = fields.object('creationInfo')
  const written = created?.text('created')
  const time = written === undefined ? undefined : parseTime(written)
  if (written !== undefined && (time === undefined || !isEventTime(time))) {
    return reject('bad_time', `creationInfo.created: expected a date from 1970 to 2200, found ${kindOf(written)}`)
  }
  const product = toolOf(created)
  const sbom = defined({ type_id: 1, type: 'SPDX', uid: fields.text('documentNamespace'), created_time: time, product })
  const metadata = defined({
    product: product ?? { name: 'SPDX', vendor_name: 'SPDX' },
    log_name: 'spdx',
    log_version: fields.text('spdxVersion'),
    original_time: written,
  }) as Origin['metadata']
  fields.text('SPDXID')
  const draft = inventoryDraft(artifactOf(part.described, name), componentsOf(part), sbom, { time, metadata })
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** `Tool: syft-1.20.0`; people and organizations stay with the unmapped ones. */
function toolOf(created: Fields | undefined): JsonRecord | undefined {
  const creators = created?.any('creators')
  const listed = Array.isArray(creators) ? creators.slice(0, 32) : []
  created?.keep('creators')
  const tool = listed.find((one) => typeof one === 'string' && one.startsWith('Tool:'))
  const [, name, version] =
    /^Tool:\s?(.{1,200}?)(?:-v?(\d[\w.+-]{0,64}))?$/.exec(String(tool ?? '').slice(0, 280)) ?? []
  return toolProduct(name, undefined, version)
}

function artifactOf(described: unknown, document: string | undefined): Artifact {
  const fields: JsonRecord = isObject(described) ? described : {}
  const name = textOf(fields.name) ?? document ?? 'unknown'
  const version = said(fields.versionInfo)
  const purl = purlOf(fields)
  const isImage = fields.primaryPackagePurpose === 'CONTAINER' || /^pkg:(oci|docker)\//.test(purl ?? '')
  if (!isImage) {
    const isFiles = fields.primaryPackagePurpose === 'FILE'
    return { name, type: isFiles ? 'File System' : 'Software', tag: version, uid: purl ?? textOf(fields.SPDXID) }
  }
  const isDigest = version?.startsWith('sha256:') === true
  const hash = bestHash(fields.checksums, 'algorithm', 'checksumValue')
  const digest =
    digestOf(purl) ?? (isDigest ? version : undefined) ?? (hash ? `sha256:${String(hash.value)}` : undefined)
  return { name, type: 'Container Image', tag: tagOf(name) ?? (isDigest ? undefined : version), uid: digest }
}

/** `NOASSERTION` and `NONE` are no value. */
function said(value: unknown): string | undefined {
  return value === 'NOASSERTION' || value === 'NONE' ? undefined : textOf(value)
}

const PURPOSES: { readonly [purpose: string]: number } = {
  FRAMEWORK: 1,
  LIBRARY: 2,
  'OPERATING-SYSTEM': 3,
  OPERATING_SYSTEM: 3,
}

function componentsOf({ packages, files }: JsonRecord): JsonRecord[] {
  const entries = (list: unknown) => (Array.isArray(list) ? list : []).filter(isObject)
  return [
    ...entries(packages).flatMap((entry) => (isObject(entry.package) ? packageOf(entry.package, entry) : [])),
    ...entries(files).flatMap(fileOf),
  ]
}

function packageOf(fields: JsonRecord, entry: JsonRecord): JsonRecord[] {
  const name = textOf(fields.name)
  if (name === undefined) return []
  const purpose = textOf(fields.primaryPackagePurpose)
  const license = said(fields.licenseConcluded) ?? said(fields.licenseDeclared)
  return [
    defined({
      name,
      version: said(fields.versionInfo) ?? 'unknown',
      purl: purlOf(fields),
      license: license === undefined ? undefined : joined([license]),
      author: author(fields.originator) ?? author(fields.supplier),
      hash: bestHash(fields.checksums, 'algorithm', 'checksumValue'),
      type_id: purpose === undefined ? 0 : Object.hasOwn(PURPOSES, purpose) ? PURPOSES[purpose] : 99,
      type: purpose,
      ...dependency(textOf(entry.dependency_of)),
    }),
  ]
}

/** `Organization: Debian (debian@example.org)` without its first word. */
function author(value: unknown): string | undefined {
  return said(value)?.replace(/^(?:Person|Organization): ?/, '')
}

function fileOf(file: JsonRecord): JsonRecord[] {
  const name = textOf(file.fileName)
  if (name === undefined) return []
  const hash = bestHash(file.checksums, 'algorithm', 'checksumValue')
  return [defined({ name, version: 'unknown', license: said(file.licenseConcluded), hash, type_id: 99, type: 'FILE' })]
}
