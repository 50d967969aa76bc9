import { defined, isObject, type JsonRecord } from './fields.js'
import { textOf } from './software-report.js'

const KINDS: { readonly [kind: string]: string } = {
  VulnerabilityReport: 'vulnerabilities',
  ClusterVulnerabilityReport: 'vulnerabilities',
  ConfigAuditReport: 'checks',
  RbacAssessmentReport: 'checks',
  ExposedSecretReport: 'secrets',
  SbomReport: 'components',
}

/** True for the custom resources that the Trivy operator writes. */
export function isOperatorReport(record: JsonRecord): boolean {
  return isObject(record.report) && typeof record.kind === 'string' && Object.hasOwn(KINDS, record.kind)
}

/** The operator's resource in the words of the command's report. */
export function operatorReport(record: JsonRecord): JsonRecord {
  const report = record.report as JsonRecord
  const meta = isObject(record.metadata) ? record.metadata : {}
  const labels = isObject(meta.labels) ? meta.labels : {}
  const artifact = isObject(report.artifact) ? report.artifact : {}
  const registry = isObject(report.registry) ? report.registry : {}
  const kind = textOf(labels['trivy-operator.resource.kind'])
  const name = textOf(labels['trivy-operator.resource.name'])
  const repository = [registry.server, artifact.repository]
    .filter((one) => typeof one === 'string' && one !== '')
    .join('/')
  const isImage = repository !== ''
  const reference = typeof artifact.tag === 'string' ? `${repository}:${artifact.tag}` : repository
  return {
    ArtifactName: isImage ? reference : [kind, name].filter(Boolean).join('/') || (textOf(meta.name) ?? 'unknown'),
    ArtifactType: isImage ? 'container_image' : 'kubernetes',
    Namespace: labels['trivy-operator.resource.namespace'] ?? meta.namespace,
    CreatedAt: report.updateTimestamp,
    Metadata: {
      ...(isImage ? { RepoTags: [reference] } : {}),
      ...(typeof artifact.digest === 'string' ? { RepoDigests: [`${repository}@${artifact.digest}`] } : {}),
      ...(isObject(report.os) ? { OS: { Family: report.os.family, Name: report.os.name } } : {}),
    },
    Results: [
      defined({
        Target: [kind, name].filter(Boolean).join('/'),
        Class: 'os-pkgs',
        Vulnerabilities: listOf(report.vulnerabilities).map(vulnerability),
        Misconfigurations: listOf(report.checks).map(check),
        Secrets: listOf(report.secrets).map(secret),
      }),
    ],
  }
}

function listOf(value: unknown): JsonRecord[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function vulnerability(one: JsonRecord): JsonRecord {
  const { vulnerabilityID, resource, installedVersion, fixedVersion, severity, title, description, primaryLink } = one
  const { links, score, publishedDate, lastModifiedDate, packagePURL, packagePath, ...rest } = one
  for (const key of [
    'vulnerabilityID',
    'resource',
    'installedVersion',
    'fixedVersion',
    'severity',
    'title',
    'description',
    'primaryLink',
  ]) {
    delete rest[key]
  }
  return {
    ...rest,
    VulnerabilityID: vulnerabilityID,
    PkgName: resource,
    InstalledVersion: installedVersion,
    FixedVersion: fixedVersion,
    Severity: severity,
    Title: title,
    Description: description,
    PrimaryURL: primaryLink,
    References: links,
    PublishedDate: publishedDate,
    LastModifiedDate: lastModifiedDate,
    PkgPath: packagePath,
    ...(packagePURL === undefined ? {} : { PkgIdentifier: { PURL: packagePURL } }),
    ...(typeof score === 'number' ? { CVSS: { operator: { V3Score: score, V3Vector: 'CVSS:3.1/' } } } : {}),
  }
}

function check({
  checkID,
  title,
  description,
  severity,
  success,
  messages,
  remediation,
  category,
}: JsonRecord): JsonRecord {
  return {
    ID: checkID,
    Title: title,
    Description: description,
    Severity: severity,
    Status: success === true ? 'PASS' : 'FAIL',
    Message: Array.isArray(messages) ? messages.filter((one) => typeof one === 'string').join(' ') : undefined,
    Resolution: remediation,
    Type: category,
  }
}

function secret({ ruleID, title, category, severity, target, match }: JsonRecord): JsonRecord {
  return { RuleID: ruleID, Title: title, Category: category, Severity: severity, File: target, Match: match }
}
