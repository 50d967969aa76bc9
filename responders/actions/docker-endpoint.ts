import type { DockerAnswer } from '../../core/docker-api.js'
import type { JsonObject } from '../../ocsf/event.js'

/** One attachment of a container to a network, as far as it can be made again. Travels as JSON in a pre-image. */
export type Endpoint = {
  network_uid: string
  network_name: string
  aliases: string[]
  links: string[]
  /** The addresses in use; empty if the container was not running or has none of that kind. */
  ipv4: string
  ipv6: string
  mac: string
  /** What the operator asked for (IPAMConfig); null where the engine chose the address itself. */
  ipam: JsonObject | null
  driver_opts: JsonObject | null
  /** Which network gives the default route; higher wins. 0 on engines before API 1.48. */
  gateway_priority: number
}

/** The networks that carry traffic: `none` is listed by the engine like a network but connects nothing. */
export function endpointsOf(container: DockerAnswer): Endpoint[] {
  const networks: [string, DockerAnswer][] = Object.entries(container.NetworkSettings?.Networks ?? {})
  const primary = container.HostConfig?.NetworkMode
  const ownId = String(container.Id ?? '').slice(0, 12)
  return (
    networks
      .filter(([name]) => name !== 'none')
      .map(([name, settings]) => ({
        network_uid: text(settings?.NetworkID),
        network_name: name,
        // The engine adds the container's short id by itself.
        aliases: strings(settings?.Aliases).filter((alias) => alias !== ownId),
        links: strings(settings?.Links),
        ipv4: text(settings?.IPAddress),
        ipv6: text(settings?.GlobalIPv6Address),
        mac: text(settings?.MacAddress),
        ipam: settings?.IPAMConfig ?? null,
        driver_opts: settings?.DriverOpts ?? null,
        gateway_priority: Number(settings?.GwPriority ?? 0),
      }))
      // The order of connecting is the order of eth0, eth1: the network it was started with comes first.
      .sort(
        (a, b) =>
          Number(b.network_name === primary) - Number(a.network_name === primary) ||
          (a.network_name < b.network_name ? -1 : 1),
      )
  )
}

/** The body of `POST /networks/{id}/connect` that makes this endpoint again. Without `addresses` the engine chooses them. */
export function connectBody(container_id: string, endpoint: Endpoint, addresses: boolean): object {
  const ipam = addresses
    ? {
        ...endpoint.ipam,
        ...(endpoint.ipv4 ? { IPv4Address: endpoint.ipv4 } : {}),
        ...(endpoint.ipv6 ? { IPv6Address: endpoint.ipv6 } : {}),
      }
    : {}
  return {
    Container: container_id,
    EndpointConfig: {
      ...(endpoint.aliases.length > 0 ? { Aliases: endpoint.aliases } : {}),
      ...(endpoint.links.length > 0 ? { Links: endpoint.links } : {}),
      ...(Object.keys(ipam).length > 0 ? { IPAMConfig: ipam } : {}),
      ...(addresses && endpoint.mac ? { MacAddress: endpoint.mac } : {}),
      ...(endpoint.driver_opts ? { DriverOpts: endpoint.driver_opts } : {}),
      ...(endpoint.gateway_priority === 0 ? {} : { GwPriority: endpoint.gateway_priority }),
    },
  }
}

/**
 * What is not as it was, in words; empty if all is back. An address that nobody asked for may differ: on a network
 * without a configured subnet some engines refuse to give a particular one.
 */
export function differences(wanted: Endpoint, now: Endpoint | undefined): string[] {
  if (!now) return [`${wanted.network_name}: not connected`]
  const missing = wanted.aliases.filter((alias) => !now.aliases.includes(alias))
  return [
    ...missing.map((alias) => `${wanted.network_name}: alias ${alias} is missing`),
    ...(['IPv4Address', 'IPv6Address'] as const).flatMap((key) => {
      const asked = wanted.ipam?.[key]
      const has = now.ipam?.[key] ?? (key === 'IPv4Address' ? now.ipv4 : now.ipv6)
      return asked && asked !== has
        ? [`${wanted.network_name}: ${key} is ${text(has) || 'none'}, was ${text(asked)}`]
        : []
    }),
  ]
}

/** One endpoint in words: `web_net (172.20.0.3, aliases web, api)`. */
export function describeEndpoint(endpoint: Endpoint): string {
  const facts = [
    endpoint.ipv4 || text(endpoint.ipam?.IPv4Address),
    endpoint.ipv6 || text(endpoint.ipam?.IPv6Address),
    endpoint.aliases.length > 0 ? `aliases ${endpoint.aliases.join(', ')}` : '',
  ].filter((fact) => fact !== '')
  return facts.length > 0 ? `${endpoint.network_name} (${facts.join(', ')})` : endpoint.network_name
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}
