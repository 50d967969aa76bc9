import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../../core/errors.js'
import { createLog } from '../../core/log.js'
import type { FormatDefinition, RawRecord } from '../../ingest/contract.js'
import { Line } from '../../ingest/lines.js'
import { lakeHolder } from '../../lake/holder.js'
import { createApp } from '../app.js'
import type { WeirConfig } from '../config.js'

/** What became of some records. */
export type Counts = { records: number; stored: number; dropped: number; dead_lettered: number }

/** Where files are loaded into. */
export type Target = {
  readonly says: string
  /** Resolves when the records are durable. */
  send(definition: FormatDefinition, records: readonly RawRecord[]): Promise<Counts>
  close(): Promise<void>
}

const RETRIES = 60
/** The longest line a push endpoint takes unless it is configured otherwise. */
const MAX_LINE_BYTES = 1024 * 1024

/** The push endpoint that is named or belongs to the Weir that has the lake open, else the lake itself. */
export async function openTarget(config: WeirConfig, given: { url?: string; token?: string }): Promise<Target> {
  if (given.url !== undefined) return pushTarget(given.url, given.token)
  const data_dir = resolve(config.data_dir)
  const holder = lakeHolder(join(data_dir, 'lake'))
  if (holder === undefined) return lakeTarget(config)
  const endpoint = pushEndpoint(config, data_dir)
  if (endpoint) return pushTarget(endpoint.url, given.token ?? endpoint.token)
  throw new WeirError('lake_locked', `the lake in ${data_dir} is in use by process ${holder}, which takes no pushes`, {
    hint: 'Give it a collector of type http (port 8870), or stop it and try again.',
  })
}

/** The collector `http` of this configuration: where it listens and what it asks for. */
function pushEndpoint(config: WeirConfig, data_dir: string): { url: string; token: string | undefined } | undefined {
  for (const [instance, { type, ...rest }] of Object.entries(config.collectors)) {
    const { host = '127.0.0.1', port = 8870, tls, token } = rest as { [key: string]: unknown }
    if (type !== 'http' || port === 0) continue
    const kept = join(data_dir, 'collectors', instance, 'token')
    return {
      url: `${tls === undefined ? 'http' : 'https'}://${String(host)}:${String(port)}`,
      token: typeof token === 'string' ? token : existsSync(kept) ? readFileSync(kept, 'utf8').trim() : undefined,
    }
  }
  return undefined
}

async function lakeTarget(config: WeirConfig): Promise<Target> {
  const app = await createApp(config, { log: createLog('error'), without: ['collectors', 'endpoint'] })
  await app.start()
  return {
    says: `the lake in ${resolve(config.data_dir)}`,
    send: (definition, records) => app.intake.emit('ingest', definition.name, records),
    close: () => app.stop(),
  }
}

function pushTarget(url: string, token: string | undefined): Target {
  return {
    says: url,
    async send(definition, records) {
      const total: Counts = { records: 0, stored: 0, dropped: 0, dead_lettered: 0 }
      for (const body of bodiesOf(definition, records)) {
        const counts = await pushed(definition, body)
        for (const key of ['records', 'stored', 'dropped', 'dead_lettered'] as const) total[key] += counts[key]
      }
      return total
    },
    async close() {},
  }

  async function pushed(definition: FormatDefinition, body: Body): Promise<Counts> {
    for (let attempt = 1; ; attempt++) {
      const answer = await post(`${url.replace(/\/$/, '')}/ingest/${definition.name}`, body, token)
      if (answer.ok) return (await answer.json()) as Counts
      const text = (await answer.text()).slice(0, 500)
      const isBusy = answer.status === 429 || answer.status === 503
      if (!isBusy || attempt >= RETRIES) {
        throw new WeirError('bad_input', `${url} answered ${answer.status}: ${text}`, {
          hint: answer.status === 401 ? 'Name the variable that holds the token with --token-env.' : 'See the answer.',
        })
      }
      await sleep(Math.min(30, Number(answer.headers.get('retry-after')) || 1) * 1_000)
    }
  }
}

async function post(url: string, { type, text }: Body, token: string | undefined): Promise<Response> {
  const headers = {
    'content-type': type,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  try {
    return await fetch(url, { method: 'POST', headers, body: text })
  } catch (error) {
    throw new WeirError('bad_input', `nothing answers at ${url}`, { cause: error, hint: 'Is weir up running?' })
  }
}

type Body = { readonly type: 'application/x-ndjson' | 'application/json'; readonly text: string }

/**
 * Records as lines: a header once before those it belongs to, JSON on one line. A document that is longer than a line may
 * be is a body of its own, which may hold as much as the endpoint reads at once.
 */
function bodiesOf(definition: FormatDefinition, records: readonly RawRecord[]): Body[] {
  const bodies: Body[] = []
  let lines: string[] = []
  let header: string | undefined
  function endLines() {
    if (lines.length > 0) bodies.push({ type: 'application/x-ndjson', text: `${lines.join('\n')}\n` })
    lines = []
    header = undefined
  }
  for (const { data } of records) {
    const text = typeof data === 'string' ? data : data instanceof Line ? data.text : JSON.stringify(data)
    const cut = text.indexOf('\n')
    const first = cut < 0 ? undefined : text.slice(0, cut)
    if (first !== undefined && definition.isHeader?.(first)) {
      if (first !== header) lines.push(first)
      header = first
      lines.push(text.slice(cut + 1))
      continue
    }
    const line = cut >= 0 && text.trimStart().startsWith('{') ? onOneLine(text) : text
    if (Buffer.byteLength(line) > MAX_LINE_BYTES && isDocument(line)) {
      endLines()
      bodies.push({ type: 'application/json', text: line })
    } else lines.push(line)
  }
  endLines()
  return bodies
}

function isDocument(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function onOneLine(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text.replaceAll('\n', ' ')
  }
}
