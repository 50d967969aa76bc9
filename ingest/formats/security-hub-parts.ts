import { isIp } from '../../ocsf/text-formats.js'
import { awsTime } from './aws.js'
import { evidenceOf } from './aws-finding-evidence.js'
import { defined, type Fields, isObject, type JsonRecord, setOwn } from './fields.js'

/** The objects of a list of a finding, the first 64. */
export function* elements(fields: Fields | undefined, key: string): Generator<Fields> {
  for (const [n, entry] of (fields?.list(key) ?? []).slice(0, 64).entries()) {
    if (isObject(entry) && fields) yield fields.element(key, n, entry)
  }
}

/** The texts of a list. */
export function texts(fields: Fields | undefined, key: string): string[] | undefined {
  const found = (fields?.list(key) ?? []).filter((entry): entry is string => typeof entry === 'string')
  return found.length === 0 ? undefined : found
}

const COMPLIANCE: { readonly [status: string]: number } = { PASSED: 1, WARNING: 2, FAILED: 3, NOT_AVAILABLE: 0 }

/** OCSF `compliance`; undefined if the finding is no result of a control. */
export function complianceOf(finding: Fields, products: Fields | undefined): JsonRecord | undefined {
  const details = finding.object('Compliance')
  if (!details || details.unread().length === 0) return undefined
  const status = details.text('Status')
  const reasons = [...elements(details, 'StatusReasons')].map((reason) => ({
    code: reason.text('ReasonCode'),
    text: reason.text('Description'),
  }))
  const standards = [...elements(details, 'AssociatedStandards')].flatMap((standard) => {
    return standard.text('StandardsId') ?? []
  })
  const parameters = [...elements(details, 'SecurityControlParameters')].flatMap((parameter) => {
    const name = parameter.text('Name')
    const values = texts(parameter, 'Value')
    return name === undefined || values === undefined ? [] : [{ name, values }]
  })
  const standard = products?.text('StandardsArn') ?? products?.text('StandardsGuideArn')
  const named = standard === undefined ? undefined : [standard]
  if (standards.length > 0 && !standards.some((one) => standard?.endsWith(one))) products?.keep('StandardsArn')
  const descriptions = reasons.flatMap(({ text }) => text ?? [])
  return defined({
    // Findings of one standard alone name it and its control among the product's fields.
    control: details.text('SecurityControlId') ?? products?.text('ControlId') ?? products?.text('RuleId'),
    standards: standards.length === 0 ? named : standards,
    requirements: texts(details, 'RelatedRequirements'),
    status,
    status_id: status !== undefined && Object.hasOwn(COMPLIANCE, status) ? COMPLIANCE[status] : 99,
    status_code: reasons[0]?.code,
    status_details: descriptions.length === 0 ? undefined : descriptions,
    control_parameters: parameters.length === 0 ? undefined : parameters,
  })
}

/** OCSF `vulnerabilities`, with the finding's own advice where there is one. */
export function vulnerabilitiesOf(finding: Fields, remediation: JsonRecord | undefined): JsonRecord[] {
  return [...elements(finding, 'Vulnerabilities')].map((entry) => vulnerabilityOf(entry, remediation))
}

function vulnerabilityOf(entry: Fields, remediation: JsonRecord | undefined): JsonRecord {
  const uid = entry.text('Id') ?? 'unknown'
  const references = texts(entry, 'ReferenceUrls')
  const cvss = [...elements(entry, 'Cvss')].flatMap((score) => {
    const base_score = score.number('BaseScore')
    const version = score.text('Version')
    if (base_score === undefined || version === undefined) return []
    return [
      defined({ base_score, version, vector_string: score.text('BaseVector'), vendor_name: score.text('Source') }),
    ]
  })
  const epss = entry.number('EpssScore')
  const vendor = entry.object('Vendor')
  const fix = entry.text('FixAvailable')
  const exploit = entry.text('ExploitAvailable')
  const exploited = entry.any('LastKnownExploitAt')
  const packages = [...elements(entry, 'VulnerablePackages')].flatMap((pack) => {
    const name = pack.text('Name')
    if (name === undefined) return []
    const advice = pack.text('Remediation')
    return [
      defined({
        name,
        version: pack.text('Version') ?? 'unknown',
        epoch: wholeOf(pack, 'Epoch'),
        release: pack.text('Release'),
        architecture: pack.text('Architecture'),
        package_manager: pack.text('PackageManager'),
        path: pack.text('FilePath'),
        fixed_in_version: pack.text('FixedInVersion'),
        remediation: advice === undefined ? undefined : { desc: advice },
      }),
    ]
  })
  const isCve = /^CVE-\d{4}-\d{4,}$/i.test(uid)
  return defined({
    ...(isCve
      ? {
          cve: defined({
            uid,
            cvss: cvss.length === 0 ? undefined : cvss,
            epss: epss === undefined ? undefined : { score: String(epss) },
          }),
        }
      : { advisory: { uid } }),
    references,
    severity: vendor?.text('VendorSeverity'),
    vendor_name: vendor?.text('Name'),
    affected_packages: packages.length === 0 ? undefined : packages,
    related_vulnerabilities: texts(entry, 'RelatedVulnerabilities'),
    is_fix_available: fix === undefined ? undefined : fix !== 'NO',
    fix_coverage_id: fix === 'YES' ? 1 : fix === 'PARTIAL' ? 2 : fix === 'NO' ? 3 : undefined,
    is_exploit_available: exploit === undefined ? undefined : exploit === 'YES',
    exploit_last_seen_time: awsTime(exploited),
    remediation,
  })
}

function wholeOf(fields: Fields, key: string): number | undefined {
  const number = fields.number(key)
  return number !== undefined && Number.isInteger(number) && number >= 0 ? number : undefined
}

/** The connection a finding is about: `Network`. */
export function networkEvidence(finding: Fields): JsonRecord {
  const network = finding.object('Network')
  if (!network) return {}
  const direction = network.text('Direction')
  const protocol = network.text('Protocol')
  const side = (name: 'Source' | 'Destination') => {
    const ip = network.text(`${name}IpV4`) ?? network.text(`${name}IpV6`)
    const endpoint = defined({
      ip: ip !== undefined && isIp(ip) ? ip : undefined,
      port: network.number(`${name}Port`),
      domain: network.text(`${name}Domain`),
      mac: name === 'Source' ? network.text('SourceMac') : undefined,
    })
    return (endpoint.ip ?? endpoint.domain) === undefined ? undefined : endpoint
  }
  return defined({
    src_endpoint: side('Source'),
    dst_endpoint: side('Destination'),
    connection_info: defined({
      direction_id: direction === 'IN' ? 1 : direction === 'OUT' ? 2 : 0,
      protocol_name: protocol?.toLowerCase(),
    }),
  })
}

/** The process a finding is about: `Process`. */
export function processEvidence(finding: Fields): JsonRecord | undefined {
  const process = finding.object('Process')
  const pid = process?.number('Pid')
  if (!process || pid === undefined) return undefined
  const parent = process.number('ParentPid')
  const path = process.text('Path')
  const [launched, ended] = [process.any('LaunchedAt'), process.any('TerminatedAt')]
  return defined({
    pid,
    name: process.text('Name'),
    path,
    created_time: awsTime(launched),
    terminated_time: awsTime(ended),
    parent_process: parent === undefined ? undefined : { pid: parent },
  })
}

/** `Malware`, by name and path. */
export function malwareOf(finding: Fields): JsonRecord[] | undefined {
  const kinds: { readonly [type: string]: number } = {
    ADWARE: 1,
    BOT_AGENT: 3,
    KEYLOGGER: 9,
    RANSOMWARE: 10,
    ROOTKIT: 15,
    SPYWARE: 17,
    TROJAN: 18,
    VIRUS: 19,
    WORM: 22,
    DOWNLOADER: 6,
    DROPPER: 7,
    BLENDED_THREAT: 99,
    COIN_MINER: 13,
  }
  const found = [...elements(finding, 'Malware')].flatMap((entry) => {
    const name = entry.text('Name')
    const type = entry.text('Type')
    if (name === undefined) return []
    const kind = type === undefined ? 0 : Object.hasOwn(kinds, type) ? (kinds[type] as number) : 99
    return [
      defined({
        name,
        path: entry.text('Path'),
        classification_ids: [kind],
        classifications: type === undefined ? undefined : [type],
      }),
    ]
  })
  return found.length === 0 ? undefined : found
}

/** `ThreatIntelIndicators`, as enrichments. */
export function indicatorsOf(finding: Fields): JsonRecord[] | undefined {
  const found = [...elements(finding, 'ThreatIntelIndicators')].flatMap((entry) => {
    const value = entry.text('Value')
    const type = entry.text('Type')
    if (value === undefined) return []
    const url = entry.text('SourceUrl')
    const category = entry.text('Category')
    const data = defined({ type, category, last_observed: entry.text('LastObservedAt') })
    return [defined({ name: 'ThreatIntelIndicators', value, type, provider: entry.text('Source'), src_url: url, data })]
  })
  return found.length === 0 ? undefined : found
}

/** The action in `ProductFields` of a finding that came from GuardDuty: `aws/guardduty/service/action/...`. */
export function guarddutyAction(products: Fields | undefined, actor: JsonRecord | undefined) {
  if (!products) return undefined
  const tree: JsonRecord = {}
  const prefix = 'aws/guardduty/service/action/'
  for (const key of products.unread()) {
    if (!key.startsWith(prefix)) continue
    const value = products.any(key)
    // An affected resource has a type with slashes in no version; deeper paths than this are none of an action.
    const steps = key.slice(prefix.length).split('/', 8)
    let node = tree
    for (const step of steps.slice(0, -1)) {
      const inner = Object.hasOwn(node, step) ? node[step] : undefined
      const next: JsonRecord = isObject(inner) ? inner : {}
      if (next !== inner) setOwn(node, step, next)
      node = next
    }
    setOwn(node, steps.at(-1) as string, value ?? '')
  }
  if (Object.keys(tree).length === 0) return undefined
  return evidenceOf(products.virtual('aws/guardduty/service/action', tree), actor)
}
