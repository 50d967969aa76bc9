import { eventUid } from '../ocsf/uid.js'

/** A uid taken apart: what is stored, and the 64 bits by which it is recognised. One object is reused for all. */
export type UidParts = {
  /** The last 10 bytes of the UUID. */
  readonly tail: Uint8Array
  /** The uid is a UUID whose first 48 bits are the event's time: tail and time are all of it. */
  from_time: boolean
  low: number
  high: number
}

const digit_values = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value++) digit_values['0123456789abcdef'.charCodeAt(value)] = value

/** Character positions of the 20 digits of the tail in `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
const tail_positions = Uint8Array.from([14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35])

let prefix_time = -1
let prefix = ''

/** The parts of the last uid that was taken apart. */
export const uid_parts: UidParts = { tail: new Uint8Array(10), from_time: false, low: 0, high: 0 }

/**
 * Takes a uid apart into `uid_parts`. Any other text than a UUID made from `time` gets the tail of the UUID that ocsf/uid.ts
 * derives from the text; it is recognised by its text alone, whatever its time.
 */
export function takeApart(uid: string, time: number): UidParts {
  if (time !== prefix_time) {
    const digits = time.toString(16).padStart(12, '0')
    prefix = `${digits.slice(0, 8)}-${digits.slice(8)}-`
    prefix_time = time
  }
  uid_parts.from_time = uid.length === 36 && uid.startsWith(prefix) && readTail(uid)
  if (!uid_parts.from_time) readTail(eventUid(0, uid))
  setKey(uid_parts.from_time ? time : 0)
  return uid_parts
}

/** Sets `uid_parts` from what is stored: 10 bytes at an offset, and the time (0 if the uid is not made from it). */
export function fromStored(bytes: Uint8Array, offset: number, time: number): UidParts {
  for (let index = 0; index < 10; index++) uid_parts.tail[index] = bytes[offset + index] ?? 0
  setKey(time)
  return uid_parts
}

function readTail(uid: string): boolean {
  const tail = uid_parts.tail
  for (let index = 0; index < 10; index++) {
    const high = digit_values[uid.charCodeAt(tail_positions[index * 2] ?? 0)] ?? -1
    const low = digit_values[uid.charCodeAt(tail_positions[index * 2 + 1] ?? 0)] ?? -1
    if (high < 0 || low < 0) return false
    tail[index] = (high << 4) | low
  }
  return uid.charCodeAt(18) === 45 && uid.charCodeAt(23) === 45
}

function setKey(time: number) {
  const tail = uid_parts.tail
  const word = (at: number) =>
    ((tail[at] ?? 0) << 24) | ((tail[at + 1] ?? 0) << 16) | ((tail[at + 2] ?? 0) << 8) | (tail[at + 3] ?? 0)
  const first = ((tail[0] ?? 0) << 8) | (tail[1] ?? 0)
  const seconds = Math.floor(time / 0x100000000)
  uid_parts.low = (word(6) ^ Math.imul(time, 0x9e3779b1)) >>> 0
  uid_parts.high = (word(2) ^ Math.imul(first, 0x10001) ^ Math.imul(time ^ seconds, 0x85ebca77)) >>> 0
}
