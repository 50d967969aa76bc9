import { isIP } from 'node:net'

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi
const temporary = /^\/(tmp|var\/tmp|dev\/shm|run\/user\/[^/]+|run\/shm)\//

/** True for a path below the folders where anybody may write. */
export function isTemporary(path: string): boolean {
  return temporary.test(path)
}

/**
 * A name or path without what differs between things that are alike: versions, process ids, random suffixes of pods,
 * and the made-up names of temporary files. `/usr/bin/python3.11` becomes `/usr/bin/python#.#`.
 */
export function normalName(name: string): string {
  const known = normalNames.get(name)
  if (known !== undefined) return known
  const normal = normalised(name)
  if (normalNames.size >= most_names) normalNames.clear()
  if (name.length <= longest_name) normalNames.set(name, normal)
  return normal
}

/** Names met lately: those of a stream are few, and come again and again. */
const normalNames = new Map<string, string>()
const most_names = 4096
const longest_name = 128

function normalised(name: string): string {
  // Most names are made of words alone.
  if (!/\d/.test(name) && !isTemporary(name)) return name.slice(0, 512)
  const text = name.slice(0, 512).replace(uuid, '#')
  if (isTemporary(text)) return text.replace(/[^/]+/g, (part) => (looksMade(part) ? '*' : part))
  return text.replace(/[A-Za-z0-9]+/g, normalWord)
}

/** Several runs of digits, or a long hexadecimal number, is no word; other digits are a version or a number. */
function normalWord(word: string): string {
  const runs = word.match(/\d+/g)?.length ?? 0
  if (runs === 0) return word
  if ((runs >= 2 && word.length >= 5) || (word.length >= 8 && /^[0-9a-f]+$/i.test(word))) return '#'
  return word.replace(/\d+/g, '#')
}

/** Names such as `abc123`, `tmp.Xa8ZkQ` or `go-build81`: nobody chose them. */
function looksMade(part: string): boolean {
  return /\d/.test(part) || /[a-z][A-Z]|[A-Z]{2,}[a-z]/.test(part)
}

const private4 = /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
const private6 = /^(::1$|f[cd]|fe[89ab])/i

/** True for addresses of own networks: loopback, link-local, private and carrier ranges. */
export function isPrivate(ip: string): boolean {
  if (!ip.includes(':')) return private4.test(ip)
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(plain) === 6 ? private6.test(plain) : private4.test(plain)
}

/** The network of a public address: /24, or /48 for IPv6. Services move inside of it. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return network4(ip)
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIP(plain) !== 6) return network4(plain)
  const [head = ''] = plain.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  return `${[...groups, '0', '0', '0'].slice(0, 3).join(':').toLowerCase()}::/48`
}

function network4(ip: string): string {
  let end = -1
  for (let dots = 0; dots < 3; dots++) {
    end = ip.indexOf('.', end + 1)
    if (end < 0) return `${ip}.0/24`
  }
  return `${ip.slice(0, end)}.0/24`
}

/** The last three labels of a host name, without numbers: `s3-7.eu.example.com` is `eu.example.com`. */
export function domainOf(hostname: string): string {
  return normalName(hostname.toLowerCase().replace(/\.$/, '').split('.').slice(-3).join('.'))
}
