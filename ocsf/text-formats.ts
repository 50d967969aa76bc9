/** Whether text is an IPv4 or IPv6 address (a zone such as `%eth0` may follow). No white space, no prefix length. */
export function isIp(text: string): boolean {
  const length = text.length
  if (length < 2 || length > 64) return false
  for (let at = 0; at < length && at < 5; at++) {
    const code = text.charCodeAt(at)
    if (code === 46) return isIpv4(text, 0, length)
    if (code === 58) return isIpv6(text)
  }
  return false
}

function isIpv4(text: string, from: number, to: number): boolean {
  let parts = 0
  let digits = 0
  let value = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code === 46) {
      if (digits === 0) return false
      parts++
      digits = 0
      value = 0
    } else if (code >= 48 && code <= 57) {
      if (digits > 0 && value === 0) return false
      value = value * 10 + code - 48
      if (++digits > 3 || value > 255) return false
    } else return false
  }
  return parts === 3 && digits > 0
}

function isIpv6(text: string): boolean {
  const zone = text.indexOf('%')
  if (zone !== -1 && !/^%[0-9a-zA-Z.:-]+$/.test(text.slice(zone))) return false
  const end = zone === -1 ? text.length : zone
  let groups = 0
  let digits = 0
  let compressed = false
  let at = 0
  if (text.charCodeAt(0) === 58) {
    if (text.charCodeAt(1) !== 58) return false
    compressed = true
    at = 2
  }
  for (let start = at; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === 58) {
      if (digits === 0) {
        if (compressed || groups === 0) return false
        compressed = true
      } else groups++
      digits = 0
      start = at + 1
      // A single colon may not end the address.
      if (start === end && text.charCodeAt(at - 1) !== 58) return false
    } else if (code === 46) {
      return isIpv4(text, start, end) && (compressed ? groups <= 5 : groups === 6)
    } else if (!isHex(code) || ++digits > 4) return false
  }
  if (digits > 0) groups++
  return compressed ? groups <= 7 : groups === 8
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70)
}

const mac = /^(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$/
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** Whether text is a MAC address: six pairs of hex digits separated by colons or dashes. */
export function isMac(text: string): boolean {
  return text.length === 17 && mac.test(text)
}

/** Whether text is a UUID of any version. */
export function isUuid(text: string): boolean {
  return text.length === 36 && uuid.test(text)
}
