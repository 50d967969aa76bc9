const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')) as readonly string[]
const max_time_ms = 2 ** 48 - 1

let prefix_time = -1
let prefix = ''

/**
 * The uid of an event: a UUID in the layout of version 7 (48 bits of time, then 74 bits of hash), so that uids sort by
 * time and the same (time, key) always gives the same uid. Two of a billion keys in one millisecond collide with
 * probability 3e-5. The hash is not cryptographic: the key must be something a sender cannot choose freely (a position)
 * or a cryptographic digest of the content. A time that is not a number of milliseconds in the layout's range counts as 0.
 */
export function eventUid(time_ms: number, key: string): string {
  if (time_ms !== prefix_time) {
    const time = time_ms >= 0 && time_ms <= max_time_ms ? Math.trunc(time_ms) : 0
    const digits = time.toString(16).padStart(12, '0')
    prefix = `${digits.slice(0, 8)}-${digits.slice(8)}-7`
    prefix_time = time_ms
  }
  return prefix + hashPart(key)
}

/**
 * 74 of the 128 bits of MurmurHash3_x86_128 (Austin Appleby, public domain, seed 0) over the UTF-16 code units of the
 * text, two to a word, written as the second half of a UUID. Its constants and rounds are part of every stored uid:
 * they must never change.
 */
function hashPart(text: string): string {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  const length = text.length
  // charCodeAt beyond the end is NaN, and NaN in bit arithmetic is 0: the last block is padded with zeros.
  for (let at = 0; at < length; at += 8) {
    const k1 = Math.imul(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16), 0x239b961b)
    h1 ^= Math.imul((k1 << 15) | (k1 >>> 17), 0xab0e9789)
    h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0
    const k2 = Math.imul(text.charCodeAt(at + 2) | (text.charCodeAt(at + 3) << 16), 0xab0e9789)
    h2 ^= Math.imul((k2 << 16) | (k2 >>> 16), 0x38b34ae5)
    h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0
    const k3 = Math.imul(text.charCodeAt(at + 4) | (text.charCodeAt(at + 5) << 16), 0x38b34ae5)
    h3 ^= Math.imul((k3 << 17) | (k3 >>> 15), 0xa1e38b93)
    h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0
    const k4 = Math.imul(text.charCodeAt(at + 6) | (text.charCodeAt(at + 7) << 16), 0xa1e38b93)
    h4 ^= Math.imul((k4 << 18) | (k4 >>> 14), 0x239b961b)
    h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0
  }
  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = mix(h1)
  h2 = mix(h2)
  h3 = mix(h3)
  h4 = mix(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  const a = hex[(h1 >>> 4) & 255] as string
  const b = `${hex[((h1 >>> 12) & 63) | 128]}${hex[h1 >>> 24]}`
  const c = `${hex[h2 & 255]}${hex[(h2 >>> 8) & 255]}${hex[(h2 >>> 16) & 255]}${hex[h2 >>> 24]}`
  return `${'0123456789abcdef'[h1 & 15]}${a}-${b}-${c}${hex[h3 & 255]}${hex[(h3 >>> 8) & 255]}`
}

function mix(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}
