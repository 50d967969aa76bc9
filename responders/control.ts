import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { type ErrorCode, messageOf, WeirError } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import type { ResponseRecord } from './record.js'
import type { Responder } from './responder.js'

/** What a person may decide about a response. */
export const VERDICTS = ['approve', 'reject', 'undo'] as const
export type Verdict = (typeof VERDICTS)[number]

const MAX_BODY_BYTES = 16_384
/** The kernel's limit of a socket's path is 108 bytes. */
const MAX_PATH_BYTES = 100
const STATUS: Partial<Record<ErrorCode, number>> = { bad_input: 400, not_found: 404, conflict: 409, too_large: 413 }

const command = z.strictObject({
  by: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2_000).optional(),
})
export type Command = z.infer<typeof command>

/** What the running process answered. */
export type Decided = Pick<ResponseRecord, 'uid' | 'state' | 'dry_run' | 'reasons'>

/**
 * The socket of the process that answers findings: whoever may open it may decide about responses. Only the user that Weir
 * runs as may (mode 0600); it is not reachable over the network.
 */
function controlSocket(data_dir: string): string {
  const path = join(resolve(data_dir), 'control.sock')
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return join(tmpdir(), `weir-${process.getuid?.() ?? 'user'}-${name}`, 'control.sock')
}

/** Lets a person decide about responses while Weir runs: `POST /responses/<uid>/<verdict>` on a socket in the data folder. */
export function createControl(options: { data_dir: string; responder: Responder; log: Log }): Service {
  const { responder, log } = options
  const path = controlSocket(options.data_dir)
  let server: Server | undefined

  async function decideOn(request: IncomingMessage): Promise<Decided> {
    const [, kind, uid, verdict] = (request.url ?? '').split('/').map(decodeURIComponent)
    const known = VERDICTS.find((one) => one === verdict)
    if (request.method !== 'POST' || kind !== 'responses' || !uid || !known) {
      throw new WeirError('not_found', 'expected POST /responses/<uid>/approve, reject or undo')
    }
    const { by, reason } = await readCommand(request)
    await responder[known](uid, by, reason)
    const record = responder.state().find((one) => one.uid === uid)
    if (!record) throw new WeirError('not_found', `there is no response ${uid}`)
    log.info({ response: uid, verdict: known, by }, 'a person decided')
    return { uid, state: record.state, dry_run: record.dry_run, reasons: record.reasons }
  }

  async function serve(request: IncomingMessage, response: ServerResponse) {
    try {
      send(response, 200, await decideOn(request))
    } catch (error) {
      const code = error instanceof WeirError ? error.code : 'internal'
      const hint = error instanceof WeirError ? error.hint : undefined
      if (code === 'internal') log.error({ error }, 'control')
      send(response, STATUS[code] ?? 500, { code, message: messageOf(error), ...(hint ? { hint } : {}) })
    }
  }

  return {
    name: 'control',
    async start() {
      prepareFolder(path, options.data_dir)
      if (await isServed(path)) {
        log.warn({ path }, 'another process of this data folder takes decisions about responses')
        return
      }
      rmSync(path, { force: true })
      server = createServer((request, response) => void serve(request, response))
      // The socket never exists with other rights, not even for a moment.
      const mask = process.umask(0o177)
      try {
        server.listen(path)
      } finally {
        process.umask(mask)
      }
      await once(server, 'listening')
      chmodSync(path, 0o600)
    },
    async stop() {
      const closing = server
      server = undefined
      if (!closing) return
      closing.closeAllConnections()
      await new Promise((done) => closing.close(done))
    },
  }
}

/** Tells the running Weir what a person decided. Throws what it answers, and `unreachable` if none runs. */
export async function tellControl(data_dir: string, uid: string, verdict: Verdict, body: Command): Promise<Decided> {
  const path = `/responses/${encodeURIComponent(uid)}/${verdict}`
  const asking = request({ socketPath: controlSocket(data_dir), path, method: 'POST' })
  asking.end(JSON.stringify(body))
  let answer: IncomingMessage
  try {
    ;[answer] = (await once(asking, 'response')) as [IncomingMessage]
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EACCES') {
      throw new WeirError('forbidden', `${controlSocket(data_dir)} belongs to another user`, {
        hint: 'Decide as the user that Weir runs as, or as root.',
        cause,
      })
    }
    throw new WeirError('unreachable', `no Weir that answers findings runs on ${data_dir}`, {
      hint: 'Start `weir up`, or run the command where `weir run respond` runs, with the same data folder.',
      cause,
    })
  }
  const said = JSON.parse(await text(answer))
  if (answer.statusCode === 200) return said as Decided
  throw new WeirError(said.code as ErrorCode, String(said.message), said.hint ? { hint: String(said.hint) } : {})
}

async function readCommand(request: IncomingMessage): Promise<Command> {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) {
    body += piece
    if (body.length > MAX_BODY_BYTES) throw new WeirError('too_large', `more than ${MAX_BODY_BYTES} bytes`)
  }
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw new WeirError('bad_input', 'the body is not JSON', { cause })
  }
  const { data, error } = command.safeParse(value)
  if (data) return data
  throw new WeirError('bad_input', error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '))
}

/** Next to a data folder whose path is too long it is a folder of our own among everybody's temporary files, if it is really ours. */
function prepareFolder(path: string, data_dir: string) {
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (folder === resolve(data_dir)) return
  const { uid, mode } = lstatSync(folder)
  if (uid === (process.getuid?.() ?? uid) && (mode & 0o077) === 0) return
  throw new WeirError('forbidden', `${folder} is not ours alone`, { hint: 'Choose a data_dir with a shorter path.' })
}

async function isServed(path: string): Promise<boolean> {
  const socket = connect(path)
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return answered
}

function send(response: ServerResponse, status: number, body: object) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
