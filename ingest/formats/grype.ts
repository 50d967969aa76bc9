import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import {
  type Artifact,
  cvssOf,
  inventoryDraft,
  type Origin,
  packageTypeOf,
  partsFormat,
  tagOf,
  textOf,
  textsOf,
  vulnerabilityDraft,
} from './software-report.js'
import { isEventTime, parseTime } from './time.js'

/** Grype's JSON reports. */
export const grype = defineFormat({
  name: 'grype',
  summary: 'Grype reports: a vulnerability finding for each match, and what was scanned',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
A report is taken apart: each match is an event of its own, with its part of the report as raw record. An image is no
workload. What was scanned is a Software Inventory event, also where nothing was found.

# Vulnerability Finding 2002
vulnerability.id | vulnerabilities.cve.uid, vulnerabilities.advisory.uid | what is no CVE is an advisory
vulnerability.severity, description | severity_id, vulnerabilities.severity, vulnerabilities.desc |
vulnerability.cvss, epss, cwes | vulnerabilities.cve.cvss, vulnerabilities.cve.epss, vulnerabilities.cve.related_cwes |
vulnerability.urls, dataSource, namespace | vulnerabilities.references, finding_info.src_url, vulnerabilities.vendor_name |
vulnerability.fix | vulnerabilities.affected_packages.fixed_in_version, vulnerabilities.is_fix_available, status_detail |
vulnerability.knownExploited | vulnerabilities.is_exploit_available |
relatedVulnerabilities | vulnerabilities.related_vulnerabilities |
artifact.name, version, type, purl, locations, licenses, cpes | vulnerabilities.affected_packages.name, vulnerabilities.affected_packages.version, vulnerabilities.affected_packages.package_manager, vulnerabilities.affected_packages.purl, vulnerabilities.affected_packages.path, vulnerabilities.affected_packages.license, vulnerabilities.affected_packages.cpe_name |
source.target | resources.name, resources.uid, device.image |
distro | device.os.name, device.os.version |
descriptor.timestamp, version | time, metadata.product.version |

# Software Inventory Info 5020
source | package.name, package.uid |
`,
  detect(record) {
    if (!isObject(record)) return 0
    if (isObject(record.match) && isObject(record.report)) return 0.9
    if (!Array.isArray(record.matches)) return 0
    return isObject(record.source) || isObject(record.descriptor) ? 0.96 : 0.4
  },
  split,
  create: () => partsFormat(split, onePart),
})

function split(record: unknown): readonly unknown[] | undefined {
  if (!isObject(record) || !Array.isArray(record.matches)) return undefined
  const { source, distro, descriptor } = record
  const { configuration: _, db: __, ...about } = isObject(descriptor) ? descriptor : {}
  const target = isObject(source) && isObject(source.target) ? source.target : undefined
  const { manifest: ___, config: ____, layers: _____, ...image } = target ?? {}
  const reduced = target === undefined ? source : { ...(source as JsonRecord), target: image }
  const report = defined({ source: reduced, distro, descriptor: about })
  return [...record.matches.map((match) => ({ report, match })), { report }]
}

function onePart(part: unknown): Outcome<EventDraft[]> {
  if (!isObject(part) || !isObject(part.report)) {
    return reject('not_grype', `expected a report with matches, found ${kindOf(part)}`)
  }
  const report = new Fields(part.report, '')
  const artifact = artifactOf(report)
  const origin = originOf(report)
  if (origin.kind !== 'ok') return origin
  if (!('match' in part)) {
    return ok([inventoryDraft(artifact, [], {}, origin.value)])
  }
  if (!isObject(part.match)) return reject('not_grype', `match: expected an object, found ${kindOf(part.match)}`)
  const match = new Fields(part.match, '')
  const vulnerability = match.object('vulnerability')
  const id = vulnerability?.text('id')
  if (vulnerability === undefined || id === undefined) {
    return reject('not_grype', vulnerability?.lacks('id') ?? match.lacks('vulnerability', 'an object'))
  }
  const draft = draftOf(id, vulnerability, match, artifact, origin.value)
  const unmapped = match.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function artifactOf(report: Fields): Artifact {
  const source = report.object('source')
  const kind = source?.text('type')
  const target = source?.any('target')
  const image = isObject(target) ? target : {}
  const tags = textsOf(image.tags)
  const name = typeof target === 'string' ? target : (textOf(image.userInput) ?? tags[0] ?? 'unknown')
  const digest = textsOf(image.repoDigests)[0]?.split('@', 2)[1]
  const distro = report.object('distro')
  const isImage = kind === 'image' || isObject(target)
  return {
    name: name === '' ? 'unknown' : name,
    uid: digest ?? textOf(image.manifestDigest) ?? textOf(image.imageID),
    // A file may be an inventory of anything.
    type: isImage ? 'Container Image' : kind === 'directory' ? 'File System' : 'Software',
    tag: isImage ? tagOf(tags[0] ?? name) : undefined,
    os: distro?.text('name'),
    os_version: distro?.text('version'),
  }
}

function originOf(report: Fields): Outcome<Origin> {
  const descriptor = report.object('descriptor')
  const original_time = descriptor?.text('timestamp')
  const time = original_time === undefined ? undefined : parseTime(original_time)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `descriptor.timestamp: expected a date from 1970 to 2200, found ${original_time}`)
  }
  return ok({
    time,
    metadata: defined({
      product: defined({ name: 'Grype', vendor_name: 'Anchore', version: descriptor?.text('version') }),
      log_name: 'grype',
      original_time,
    }) as Origin['metadata'],
  })
}

function draftOf(id: string, fields: Fields, match: Fields, artifact: Artifact, origin: Origin): EventDraft {
  const fix = fields.object('fix')
  const versions = textsOf(fix?.any('versions'))
  const related = (match.list('relatedVulnerabilities') ?? []).filter(isObject).slice(0, 64)
  const own = fields.any('cvss')
  const inherited = related.flatMap(({ cvss }) => (Array.isArray(cvss) ? cvss : []))
  const cvss = (Array.isArray(own) && own.length > 0 ? own : inherited)
    .slice(0, 32)
    .flatMap((one: unknown): JsonRecord[] => {
      if (!isObject(one)) return []
      const metrics = isObject(one.metrics) ? one.metrics : {}
      const score = cvssOf(metrics.baseScore, one.vector, textOf(one.source), textOf(one.version))
      return score === undefined ? [] : [score]
    })
  const exploited = fields.list('knownExploited')
  const epss = fields.list('epss')?.find(isObject) as JsonRecord | undefined
  const cwes = (fields.list('cwes') ?? []).filter(isObject).flatMap(({ cwe }) => textOf(cwe) ?? [])
  return vulnerabilityDraft(
    artifact,
    {
      id,
      desc: fields.text('description') ?? related.flatMap(({ description }) => textOf(description) ?? [])[0],
      severity: fields.text('severity'),
      cvss,
      cwes,
      epss: epss === undefined || typeof epss.epss !== 'number' ? undefined : epssOf(epss),
      references: textsOf(fields.any('urls')),
      url: fields.text('dataSource'),
      vendor: fields.text('namespace'),
      status: fix?.text('state'),
      related: related.flatMap((one) => textOf(one.id) ?? []).filter((one) => one !== id),
      is_exploited: exploited === undefined ? undefined : exploited.length > 0,
      packages: [packageOf(match.object('artifact'), versions[0])],
    },
    origin,
  )
}

function epssOf({ epss, percentile, date }: JsonRecord): JsonRecord {
  const time = typeof date === 'string' ? parseTime(date.length === 10 ? `${date}T00:00:00Z` : date) : undefined
  return defined({
    score: String(epss),
    percentile: typeof percentile === 'number' ? percentile : undefined,
    created_time: time !== undefined && isEventTime(time) ? time : undefined,
  })
}

function packageOf(artifact: Fields | undefined, fixed_in_version: string | undefined): JsonRecord {
  const type = artifact?.text('type')
  const locations = artifact?.list('locations') ?? []
  const [first] = locations
  const licenses = artifact?.any('licenses')
  return defined({
    name: artifact?.text('name') ?? 'unknown',
    version: artifact?.text('version') ?? 'unknown',
    fixed_in_version,
    purl: artifact?.text('purl'),
    uid: artifact?.text('id'),
    path: isObject(first) ? textOf(first.path) : undefined,
    license: Array.isArray(licenses)
      ? licenses
          .map((one) => textOf(isObject(one) ? (one.value ?? one.spdxExpression) : one))
          .filter(Boolean)
          .slice(0, 16)
          .join(' AND ') || undefined
      : undefined,
    cpe_name: textsOf(artifact?.any('cpes'))[0],
    package_manager: type,
    type_id: packageTypeOf(type),
  })
}
