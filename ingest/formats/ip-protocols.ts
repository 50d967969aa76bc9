/** Names of IP protocols by IANA's number, as OCSF writes them; the ones that flow logs show. */
const NAMES: { readonly [number: number]: string } = {
  0: 'hopopt',
  1: 'icmp',
  2: 'igmp',
  4: 'ipv4',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  88: 'eigrp',
  89: 'ospf',
  103: 'pim',
  112: 'vrrp',
  132: 'sctp',
  136: 'udplite',
}

/** The name of an IP protocol; undefined for a rare one. */
export function ipProtocolName(number: number): string | undefined {
  return NAMES[number]
}

/** True for an address of a private, shared, link-local or loopback range: on this side of the internet. */
export function isPrivateAddress(ip: string): boolean {
  if (ip.includes(':')) return /^(f[cd]|fe[89ab]|::1$)/i.test(ip)
  const dot = ip.indexOf('.')
  const a = Number(dot < 0 ? ip : ip.slice(0, dot))
  if (a === 10 || a === 127) return true
  if (a !== 172 && a !== 192 && a !== 169 && a !== 100) return false
  const next = ip.indexOf('.', dot + 1)
  const b = dot < 0 ? 0 : Number(ip.slice(dot + 1, next < 0 ? undefined : next))
  return (
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  )
}
