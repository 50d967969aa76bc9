import assert from 'node:assert/strict'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

const ALTER_USER_SCRAM_CREDENTIALS = 51
const ITERATIONS = 4_096
const MECHANISMS = [
  { code: 1, digest: 'sha256', bytes: 32 },
  { code: 2, digest: 'sha512', bytes: 64 },
] as const

/** Gives a user another SCRAM password, as an administrator does with kafka-configs.sh; kafkajs has no such call. `port`: a listener that lets everybody do everything. */
export async function setScramPassword(port: number, user: string, password: string): Promise<void> {
  // A request may name a user once.
  for (const { code, digest, bytes } of MECHANISMS) {
    const salt = randomBytes(16)
    const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, digest)
    const fields = [compact(user), int8(code), int32(ITERATIONS), compact(salt), compact(salted), NO_TAGS]
    // Header: call, version, correlation, no client id. Body: nothing to delete, one to set.
    const header = [int16(ALTER_USER_SCRAM_CREDENTIALS), int16(0), int32(1), int16(-1), NO_TAGS]
    const reply = await ask(port, Buffer.concat([...header, uvarint(1), uvarint(2), ...fields, NO_TAGS]))
    // Correlation, tags, throttle; then an array with one result, whose error comes after the name.
    const error = reply.readInt16BE(4 + 1 + 4 + 1 + compact(user).length)
    assert.equal(error, 0, `the broker refused the password: ${reply.toString('latin1')}`)
  }
}

async function ask(port: number, request: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write(Buffer.concat([int32(request.length), request]))
    let reply = Buffer.alloc(0)
    for await (const piece of socket) {
      reply = Buffer.concat([reply, piece])
      if (reply.length >= 4 && reply.length >= 4 + reply.readInt32BE(0)) return reply.subarray(4)
    }
    throw new Error('the broker closed the connection without an answer')
  } finally {
    socket.destroy()
  }
}

const NO_TAGS = Buffer.from([0])
const int8 = (n: number) => Buffer.from([n])
function int16(n: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(n)
  return bytes
}
function int32(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(n)
  return bytes
}
/** Lengths are below 128 here. */
const uvarint = (n: number) => int8(n)
function compact(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uvarint(bytes.length + 1), bytes])
}
