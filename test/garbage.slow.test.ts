import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { nativeLine, type PushAnswer, push } from './push.js'
import { startWeir, type WeirProcess } from './weir-process.js'

const MIB = 1024 * 1024
const TIME = Date.now() - 3_600_000
const JSON_TYPE = { 'content-type': 'application/json' }
const GZIP = { 'content-encoding': 'gzip' }

let next = 0
/** A line that is always good, each with a uid of its own. */
const good = () => nativeLine('good', next++, TIME)
/** A good event with other attributes laid over it. */
const changed = (over: object) => JSON.stringify({ ...JSON.parse(good()), ...over })
const bytes = (...parts: (string | Uint8Array)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))))

function cloudtrail(over: object): string {
  return JSON.stringify({
    eventVersion: '1.11',
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::123456789012:user/alice', userName: 'alice' },
    eventTime: '2026-01-12T08:30:15Z',
    eventSource: 's3.amazonaws.com',
    eventName: 'ListBuckets',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '203.0.113.66',
    eventID: `00000000-0000-4000-8000-${String(next++).padStart(12, '0')}`,
    eventType: 'AwsApiCall',
    recipientAccountId: '123456789012',
    ...over,
  })
}

/** An event whose `unmapped` is arrays in arrays. */
function nested(depth: number): string {
  return good().replace(/}$/, `,"unmapped":{"deep":${'['.repeat(depth)}${']'.repeat(depth)}}}`)
}

type Case = {
  what: string
  body: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  format?: string
  /** Refused as a whole: status and code. */
  refused?: [status: number, code: string]
  stored?: number
  /** Dead letters by reason. */
  dead?: Record<string, number>
}

const cases: Case[] = [
  { what: 'good events', body: [good(), good()].join('\n'), stored: 2 },
  {
    what: 'a truncated line between good ones',
    body: [good(), good().slice(0, 90), good()].join('\n'),
    stored: 2,
    dead: { invalid_json: 1 },
  },
  { what: 'a truncated document', body: `[${good()},{"cla`, headers: JSON_TYPE, refused: [400, 'invalid_json'] },
  { what: 'a body of 50 MB', body: bytes(Buffer.alloc(50 * MIB, 'x')), refused: [413, 'too_large'] },
  {
    what: 'a line of 50 MB between good ones, compressed so that it gets in',
    body: bytes(gzipSync(`${good()}\n"${randomBytes(25 * MIB).toString('hex')}"\n${good()}`, { level: 1 })),
    headers: GZIP,
    stored: 2,
    dead: { line_too_long: 1 },
  },
  {
    what: 'UTF-16 without a word about it',
    body: bytes('\ufeff', Buffer.from(good(), 'utf16le')),
    dead: { invalid_json: 1 },
  },
  {
    what: 'UTF-16 with its byte order mark',
    body: bytes(Buffer.from([0xff, 0xfe]), Buffer.from(good(), 'utf16le')),
    dead: { invalid_utf8: 1 },
  },
  {
    what: 'UTF-16, said in the header',
    body: bytes(Buffer.from(good(), 'utf16le')),
    headers: { 'content-type': 'application/x-ndjson; charset=utf-16' },
    refused: [415, 'unsupported_charset'],
  },
  {
    what: 'a line in Latin-1 between good ones',
    body: bytes(good(), '\n', Buffer.from(changed({ message: 'caf\u00e9' }), 'latin1'), '\n', good()),
    stored: 2,
    dead: { invalid_utf8: 1 },
  },
  {
    what: 'a document in Latin-1',
    body: bytes(Buffer.from(changed({ message: 'caf\u00e9' }), 'latin1')),
    headers: JSON_TYPE,
    refused: [400, 'invalid_utf8'],
  },
  {
    what: 'CloudTrail: a number where a string belongs, a year 9999, and a good record',
    format: 'cloudtrail',
    body: JSON.stringify({
      Records: [cloudtrail({ eventName: 42 }), cloudtrail({ eventTime: '9999-12-31T23:59:59Z' }), cloudtrail({})].map(
        (text) => JSON.parse(text),
      ),
    }),
    headers: JSON_TYPE,
    stored: 1,
    dead: { wrong_type: 1, bad_time: 1 },
  },
  {
    what: 'an event of the year 9999, of the year -1, with a time in words, without a time',
    body: [Date.UTC(9999, 0), -1, 'yesterday', undefined].map((time) => changed({ time })).join('\n'),
    dead: { bad_time: 2, wrong_type: 1, not_ocsf: 1 },
  },
  {
    what: 'a gzip bomb',
    body: bytes(gzipSync(Buffer.alloc(300 * MIB))),
    headers: GZIP,
    refused: [413, 'compression_bomb'],
  },
  { what: 'text that claims to be gzip', body: good(), headers: GZIP, refused: [400, 'invalid_gzip'] },
  {
    what: 'half a gzip stream',
    body: bytes(gzipSync(good()).subarray(0, 60)),
    headers: GZIP,
    refused: [400, 'invalid_gzip'],
  },
  { what: 'a wrong token', body: good(), headers: { authorization: 'Bearer wrong' }, refused: [401, 'unauthorized'] },
  { what: 'no token', body: good(), headers: { authorization: '' }, refused: [401, 'unauthorized'] },
  { what: 'an unknown format', body: good(), format: 'syslog_ng', refused: [404, 'unknown_format'] },
  { what: 'a format that is a path', body: good(), format: '..%2f..%2fetc', refused: [404, 'unknown_format'] },
  {
    what: 'an unknown encoding',
    body: good(),
    headers: { 'content-encoding': 'br' },
    refused: [415, 'unsupported_encoding'],
  },
  {
    what: 'an unknown media type',
    body: good(),
    headers: { 'content-type': 'text/html' },
    refused: [415, 'unsupported_media_type'],
  },
  { what: 'nothing', body: '', stored: 0 },
  { what: 'blank lines', body: '\n\r\n  \n\n', stored: 0 },
  { what: 'an empty array', body: '[]', headers: JSON_TYPE, stored: 0 },
  { what: 'an array of null', body: '[null]', headers: JSON_TYPE, refused: [400, 'invalid_json'] },
  {
    what: 'JSON that is no object',
    body: ['null', '7', '"text"', '[]', '{}', 'true'].join('\n'),
    dead: { not_ocsf: 6 },
  },
  {
    what: 'deep nesting: as deep as JSON.parse goes',
    body: [nested(100_000), good()].join('\n'),
    stored: 1,
    dead: { invalid_event: 1 },
  },
  { what: 'nesting that is deep but not hostile', body: nested(40), stored: 1 },
  { what: 'nothing but brackets', body: '['.repeat(500_000), dead: { invalid_json: 1 } },
  { what: 'keys that come twice', body: good().replace('{', '{"message":"first","message":"second",'), stored: 1 },
  {
    what: 'lone surrogates',
    body: changed({ message: 'half' }).replace('half', '\\ud800 and \\udfff'),
    stored: 1,
  },
  { what: 'NUL and control characters', body: changed({ message: '\u0000\u0001\u001b[2J' }), stored: 1 },
  { what: 'SQL in a value', body: changed({ message: "x'\n\nDROP TABLE events; --\n\n" }), stored: 1 },
  {
    what: 'SQL after a blank line',
    body: `${good()}\n\nDROP TABLE events\n\n${good()}\n;DROP TABLE dead_letters`,
    stored: 2,
    dead: { invalid_json: 2 },
  },
  {
    what: 'keys that mean something to JavaScript',
    body: good().replace('{', '{"__proto__":{"time":1},"constructor":{"prototype":1},'),
    stored: 1,
  },
  {
    what: 'numbers beyond what their columns hold',
    body: ['1e400', 2 ** 53, -5, 1.5, 99_999_999_999]
      .map((n) => good().replace(/"pid":\d+,"name":"worker/, `"pid":${n},"name":"worker`))
      .join('\n'),
    stored: 1,
    dead: { invalid_event: 4 },
  },
  { what: 'a class that does not exist', body: changed({ class_uid: 4_294_967_299 }), dead: { invalid_event: 1 } },
]

describe('garbage at the push endpoint of a running Weir', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-garbage-'))
  const sum = { stored: 0, dead_lettered: 0 }
  let weir: WeirProcess
  before(async () => {
    weir = await startWeir(folder, { collectors: { http: { type: 'http', port: 0 } } })
  })
  after(async () => {
    if (!weir.isGone()) await weir.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  const lettersByReason = async () => {
    const rows = await weir.rows<{ reason: string; n: string }>(
      'SELECT reason, count() AS n FROM dead_letters GROUP BY reason',
    )
    return new Map(rows.map(({ reason, n }) => [reason, Number(n)]))
  }

  function accounted({ body }: PushAnswer) {
    const receipt = body.receipt ?? body
    sum.stored += receipt.stored ?? 0
    sum.dead_lettered += receipt.dead_lettered ?? 0
    return receipt
  }

  for (const { what, body, headers, format, refused, stored, dead } of cases) {
    test(what, async () => {
      const letters = await lettersByReason()
      const answer = await push(weir, body, { ...(headers ? { headers } : {}), ...(format ? { format } : {}) })
      const receipt = accounted(answer)
      if (refused) {
        assert.deepEqual([answer.status, answer.body.error?.code], refused, JSON.stringify(answer))
        assert.ok(answer.body.error.hint.length > 10, 'it says what to do')
        assert.deepEqual(await lettersByReason(), letters)
        return
      }
      assert.equal(answer.status, 200, JSON.stringify(answer))
      assert.equal(receipt.records, receipt.stored + receipt.dropped + receipt.dead_lettered)
      if (stored !== undefined || dead) assert.equal(receipt.stored, stored ?? 0)
      const found: Record<string, number> = {}
      for (const [reason, n] of await lettersByReason()) {
        if (n > (letters.get(reason) ?? 0)) found[reason] = n - (letters.get(reason) ?? 0)
      }
      if (stored !== undefined || dead) assert.deepEqual(found, dead ?? {})
    })
  }

  test('a sender that hangs up in the middle, and one that does not speak HTTP', async () => {
    const { port } = new URL(weir.push_url)
    const head = `POST /ingest/ocsf HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${weir.push_token}\r\ncontent-type: application/x-ndjson\r\n`
    for (const text of [
      `${head}content-length: 100000\r\n\r\n{"class_uid"`,
      'EHLO mail.example\r\n\r\n',
      `${head}content-length: -1\r\n\r\n`,
    ]) {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.write(text)
      await sleep(200)
      socket.destroy()
    }
    const answer = await push(weir, good())
    assert.equal(accounted(answer).stored, 1)
  })

  test('all is accounted for, nothing crashed, memory stayed bounded', async () => {
    assert.equal(weir.isGone(), false)
    const [counts] = await weir.rows<Record<string, string>>(
      `SELECT count() AS n, uniqExact(metadata_uid) AS unique, (SELECT count() FROM dead_letters) AS dead FROM events`,
    )
    assert.deepEqual(
      { n: Number(counts?.n), unique: Number(counts?.unique), dead: Number(counts?.dead) },
      { n: sum.stored, unique: sum.stored, dead: sum.dead_lettered },
    )
    assert.equal(await weir.number("SELECT count() FROM dead_letters WHERE raw_data = 'DROP TABLE events'"), 1)
    assert.equal(await weir.number("SELECT count() FROM dead_letters WHERE detail = '' OR reason = ''"), 0)
    assert.equal(await weir.number("SELECT count() FROM events WHERE message LIKE '%DROP TABLE events%'"), 1)
    assert.equal(await weir.number("SELECT count() FROM events WHERE message = 'second'"), 1)
    const { peak_bytes } = weir.memory()
    assert.ok(peak_bytes < 1_500 * MIB, `it held ${Math.round(peak_bytes / MIB)} MiB`)
    const shown = () => {
      const [, events, letters] = weir.output().match(/.*events ([\d,]+) .*dead letters ([\d,]+)\s*$/s) ?? []
      return [events, letters].map((text) => Number(text?.replaceAll(',', ''))).join(' ')
    }
    const summary = `${sum.stored} ${sum.dead_lettered}`
    for (let n = 0; n < 60 && shown() !== summary; n++) await sleep(200)
    assert.equal(shown(), summary, 'the summary line says the same')
    assert.equal((await weir.stop()).code, 0, weir.output())
  })
})
