import { eventUid } from '../ocsf/uid.js'

/** A uid taken apart: what is stored, and the 64 bits by which it is recognised. Overwritten by the next one. */
export type UidParts = {
  /** The last 10 bytes of the UUID. */
  readonly tail: Uint8Array
  /** The uid is a UUID whose first 48 bits are the event's time: tail and time are all of it. */
  readonly from_time: boolean
  readonly low: number
  readonly high: number
}

/** Takes uids apart into one object that it keeps, because it is on the path of every event. */
export type UidReader = {
  /**
   * The parts of a uid. Any other text than a UUID made from `time` gets the tail of the UUID that ocsf/uid.ts derives from
   * the text; it is recognised by its text alone, whatever its time.
   */
  takeApart(uid: string, time: number): UidParts
  /** The parts of what is stored: 10 bytes at an offset, and the time (0 if the uid is not made from it). */
  fromStored(bytes: Uint8Array, offset: number, time: number): UidParts
}

const digit_values = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value++) digit_values['0123456789abcdef'.charCodeAt(value)] = value

/** Character positions of the 20 digits of the tail in `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
const tail_positions = Uint8Array.from([14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35])

/** The uid that was taken apart into this time and tail. */
export function uidOf(time: number, tail: Uint8Array): string {
  const digits = time.toString(16).padStart(12, '0') + Buffer.from(tail).toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A reader with an object of its own. */
export function createUidReader(): UidReader {
  const tail = new Uint8Array(10)
  const parts = { tail, from_time: false, low: 0, high: 0 }

  return {
    takeApart(uid, time) {
      parts.from_time = uid.length === 36 && beginsWith(uid, time) && readTail(uid, tail)
      if (!parts.from_time) readTail(eventUid(0, uid), tail)
      return withKey(parts, parts.from_time ? time : 0)
    },
    fromStored(bytes, offset, time) {
      for (let index = 0; index < 10; index++) tail[index] = bytes[offset + index] ?? 0
      parts.from_time = time !== 0
      return withKey(parts, time)
    },
  }
}

/** The first 12 digits are the time. */
function beginsWith(uid: string, time: number): boolean {
  let value = 0
  for (let index = 0; index < 13; index++) {
    if (index === 8) continue
    const digit = digit_values[uid.charCodeAt(index)] ?? -1
    if (digit < 0) return false
    value = value * 16 + digit
  }
  return value === time && uid.charCodeAt(8) === 45 && uid.charCodeAt(13) === 45
}

function readTail(uid: string, tail: Uint8Array): boolean {
  for (let index = 0; index < 10; index++) {
    const high = digit_values[uid.charCodeAt(tail_positions[index * 2] ?? 0)] ?? -1
    const low = digit_values[uid.charCodeAt(tail_positions[index * 2 + 1] ?? 0)] ?? -1
    if (high < 0 || low < 0) return false
    tail[index] = (high << 4) | low
  }
  return uid.charCodeAt(18) === 45 && uid.charCodeAt(23) === 45
}

/** The tail is a hash of a key that may come with another time: the 64 bits are made of both. */
function withKey(parts: { tail: Uint8Array; from_time: boolean; low: number; high: number }, time: number): UidParts {
  const { tail } = parts
  const first = ((tail[0] ?? 0) << 8) | (tail[1] ?? 0)
  const upper = Math.floor(time / 0x100000000)
  parts.low = (word(tail, 6) ^ Math.imul(time, 0x9e3779b1)) >>> 0
  parts.high = (word(tail, 2) ^ Math.imul(first, 0x10001) ^ Math.imul(time ^ upper, 0x85ebca77)) >>> 0
  return parts
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
}
