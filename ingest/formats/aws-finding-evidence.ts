import { isIp } from '../../ocsf/text-formats.js'
import { awsAccount } from './aws.js'
import { defined, type Fields, isObject, type JsonRecord, setOwn } from './fields.js'

/** What the `action` of a GuardDuty finding (and of a Security Hub finding, which copies it) shows. */
export type Evidence = {
  evidence: JsonRecord | undefined
  /** Resources that the call concerned. */
  affected: JsonRecord[]
  /** True if what was seen was prevented, false if it was not; undefined where nobody says. */
  blocked: boolean | undefined
}

type Address = 'ipAddressV4' | 'ipAddressV6'

/** Keys with a small first letter, as GuardDuty sends them; its API and Security Hub write them with a capital one. */
export function camelKeys(value: unknown, depth = 0): unknown {
  if (depth > 24) return value
  if (Array.isArray(value)) return value.map((entry) => camelKeys(entry, depth + 1))
  if (!isObject(value)) return value
  const result: JsonRecord = {}
  for (const key of Object.keys(value)) {
    // `AWS::IAM::Role` and tag names are data, not names of fields.
    const name = /^[A-Z][a-z0-9]+[A-Za-z0-9]*$/.test(key) ? key[0]?.toLowerCase() + key.slice(1) : key
    setOwn(result, name, camelKeys(value[key], depth + 1))
  }
  return result
}

/** Reads the action, whichever of its kinds it is. `actor` is who did it, as far as the finding's resource says. */
export function evidenceOf(action: Fields | undefined, actor: JsonRecord | undefined): Evidence {
  const none: Evidence = { evidence: undefined, affected: [], blocked: undefined }
  action?.text('actionType')
  const call = action?.object('awsApiCallAction')
  if (call && call.unread().length > 0) return apiCall(call, actor)
  const connection = action?.object('networkConnectionAction')
  if (connection && connection.unread().length > 0) return networkConnection(connection)
  const query = action?.object('dnsRequestAction')
  if (query && query.unread().length > 0) return dnsRequest(query)
  const kubernetes = action?.object('kubernetesApiCallAction')
  if (kubernetes && kubernetes.unread().length > 0) return kubernetesCall(kubernetes, actor)
  const login = action?.object('rdsLoginAttemptAction')
  if (login && login.unread().length > 0) return { ...none, evidence: withRemote(login, actor) }
  const probe = action?.object('portProbeAction')
  if (probe && probe.unread().length > 0) return portProbe(probe)
  return { ...none, evidence: actor === undefined ? undefined : { actor } }
}

function apiCall(call: Fields, actor: JsonRecord | undefined): Evidence {
  const operation = call.text('api')
  const service = call.text('serviceName')
  const error = call.text('errorCode')
  const user_agent = call.text('userAgent')
  call.text('callerType')
  const domain = call.object('domainDetails')?.text('domain')
  const account = call.object('remoteAccountDetails')
  const owner = account?.text('accountId')
  const source = defined({
    ...remoteEndpoint(call),
    domain,
    owner: owner === undefined ? undefined : { account: awsAccount(owner) },
  })
  const affected: JsonRecord[] = []
  const resources = call.any('affectedResources')
  if (isObject(resources)) {
    for (const type of Object.keys(resources).slice(0, 32)) {
      const name = resources[type]
      if (typeof name === 'string' && name !== '') {
        affected.push({ ...(name.startsWith('arn:') ? { uid: name } : { name }), type, role_id: 3, role: 'Affected' })
      }
    }
  }
  const evidence = defined({
    api:
      operation === undefined
        ? undefined
        : defined({
            operation,
            service: service === undefined ? undefined : { name: service },
            response: error === undefined ? undefined : { error },
          }),
    actor: actor ?? (domain === undefined ? undefined : { invoked_by: domain }),
    src_endpoint: isIdentified(source) ? source : undefined,
    http_request: user_agent === undefined ? undefined : { user_agent },
  })
  return { evidence: someOf(evidence), affected, blocked: undefined }
}

function networkConnection(action: Fields): Evidence {
  const direction = action.text('connectionDirection')?.toUpperCase()
  const protocol = action.text('protocol')
  const remote = remoteEndpoint(action)
  const local = localEndpoint(action)
  const isInbound = direction === 'INBOUND' || direction === 'INCOMING' || direction === 'IN'
  const known = isInbound || direction === 'OUTBOUND' || direction === 'OUTGOING' || direction === 'OUT'
  const evidence = defined({
    ...(isInbound ? { src_endpoint: remote, dst_endpoint: local } : { src_endpoint: local, dst_endpoint: remote }),
    connection_info: defined({
      direction_id: !known ? 0 : isInbound ? 1 : 2,
      direction: !known ? 'Unknown' : isInbound ? 'Inbound' : 'Outbound',
      protocol_name: protocol?.toLowerCase(),
    }),
  })
  return { evidence, affected: [], blocked: action.boolean('blocked') }
}

function dnsRequest(action: Fields): Evidence {
  const hostname = action.text('domain')
  const protocol = action.text('protocol')
  const evidence = defined({
    query: hostname === undefined ? undefined : { hostname },
    connection_info: protocol === undefined ? undefined : { direction_id: 2, protocol_name: protocol.toLowerCase() },
  })
  return { evidence: someOf(evidence), affected: [], blocked: action.boolean('blocked') }
}

function portProbe(action: Fields): Evidence {
  const blocked = action.boolean('blocked')
  const [first] = action.list('portProbeDetails') ?? []
  // All probes of the finding; the first is the evidence, the others stay where they are.
  if (!isObject(first)) return { evidence: undefined, affected: [], blocked }
  action.keep('portProbeDetails')
  const probe = action.element('portProbeDetails', 0, first)
  const evidence = defined({
    src_endpoint: remoteEndpoint(probe),
    dst_endpoint: localEndpoint(probe),
    connection_info: { direction_id: 1, direction: 'Inbound' },
  })
  return { evidence, affected: [], blocked }
}

function kubernetesCall(action: Fields, actor: JsonRecord | undefined): Evidence {
  const verb = action.text('verb')
  const path = action.text('requestUri')
  const user_agent = action.text('userAgent')
  const code = action.number('statusCode')
  const resource = action.text('resource')
  const name = action.text('resourceName')
  const namespace = action.text('namespace')
  const http_request = defined({
    user_agent,
    http_method: undefined,
    url: path === undefined ? undefined : { path },
  })
  const evidence = defined({
    api:
      verb === undefined
        ? undefined
        : defined({
            operation: verb,
            service: { name: 'kubernetes' },
            response: code === undefined ? undefined : { code },
          }),
    actor,
    src_endpoint: remoteEndpoint(action),
    http_request: someOf(http_request),
  })
  const affected =
    name === undefined && resource === undefined
      ? []
      : [defined({ name: name ?? resource, type: resource, namespace, role_id: 3, role: 'Affected' })]
  return { evidence: someOf(evidence), affected, blocked: undefined }
}

function withRemote(action: Fields, actor: JsonRecord | undefined): JsonRecord | undefined {
  return someOf(defined({ actor, src_endpoint: remoteEndpoint(action) }))
}

/** The other side of a connection or call: `remoteIpDetails` and `remotePortDetails`. */
function remoteEndpoint(action: Fields): JsonRecord | undefined {
  const details = action.object('remoteIpDetails')
  const port = action.object('remotePortDetails')
  const number = port?.number('port')
  const organization = details?.object('organization')
  const asn = organization?.number('asn')
  const asn_name = organization?.text('asnOrg')
  const endpoint = defined({
    ip: addressOf(details),
    port: number,
    svc_name: known(port?.text('portName')),
    isp: organization?.text('isp'),
    isp_org: organization?.text('org'),
    autonomous_system:
      asn === undefined && asn_name === undefined ? undefined : defined({ number: asn, name: asn_name }),
    location: locationOf(details),
  })
  return isIdentified(endpoint) ? endpoint : undefined
}

function localEndpoint(action: Fields): JsonRecord | undefined {
  const details = action.object('localIpDetails')
  const port = action.object('localPortDetails')
  const endpoint = defined({
    ip: addressOf(details),
    port: port?.number('port'),
    svc_name: known(port?.text('portName')),
    interface_uid: action.text('localNetworkInterface'),
  })
  return isIdentified(endpoint) ? endpoint : undefined
}

function addressOf(details: Fields | undefined): string | undefined {
  for (const key of ['ipAddressV4', 'ipAddressV6'] satisfies Address[]) {
    const text = details?.text(key)
    if (text !== undefined && isIp(text)) return text
    if (text !== undefined) details?.keep(key)
  }
  return undefined
}

function locationOf(details: Fields | undefined): JsonRecord | undefined {
  const city = details?.object('city')?.text('cityName')
  const country = details?.object('country')
  const code = country?.text('countryCode')
  const name = country?.text('countryName')
  const point = details?.object('geoLocation')
  const [lat, long] = [point?.number('lat'), point?.number('lon')]
  if ((city ?? code ?? name) === undefined) return undefined
  return defined({ city, country: code ?? name, desc: code === undefined ? undefined : name, lat, long })
}

/** GuardDuty writes `Unknown` for a port that is none of a known service. */
function known(name: string | undefined): string | undefined {
  return name === undefined || /^unknown$/i.test(name) ? undefined : name
}

function isIdentified(endpoint: JsonRecord): boolean {
  return (
    (endpoint.ip ?? endpoint.domain ?? endpoint.svc_name ?? endpoint.interface_uid ?? endpoint.instance_uid) !==
    undefined
  )
}

function someOf(object: JsonRecord): JsonRecord | undefined {
  return Object.keys(object).length === 0 ? undefined : object
}
