import { messageOf, WeirError } from '../../core/errors.js'
import { engineException, sqlException } from './exception.js'

export type RemoteQuery = {
  readonly url: string
  readonly sql: string
  readonly format: string
  readonly user?: string
  readonly password?: string
  /** Database that unqualified names belong to. */
  readonly database?: string
  /** Settings of the query. */
  readonly settings?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/**
 * The result of a query at a ClickHouse HTTP interface. Throws `SqlException` for what the server refuses, before or
 * in the middle of the result, and `unreachable` if nobody answers.
 */
export async function* remotePieces(query: RemoteQuery): AsyncGenerator<Uint8Array> {
  const reply = await ask(query)
  if (!reply.ok) throw engineException(new Error((await reply.text()).trim()))
  const tag = reply.headers.get('x-clickhouse-exception-tag')
  const marker = tag === null ? undefined : Buffer.from(`\r\n__exception__\r\n${tag}\r\n`)
  let held = Buffer.alloc(0)
  let failure: Buffer | undefined
  try {
    for await (const piece of reply.body ?? []) {
      if (failure) {
        failure = Buffer.concat([failure, piece])
        continue
      }
      held = Buffer.concat([held, piece])
      const at = marker === undefined ? -1 : held.indexOf(marker)
      // The marker may be cut in two, so its length is held back until more has come.
      const safe = at >= 0 ? at : Math.max(0, held.length - (marker?.length ?? 0))
      if (safe > 0) yield held.subarray(0, safe)
      if (at >= 0 && marker !== undefined) failure = held.subarray(at + marker.length)
      held = held.subarray(safe)
    }
  } catch (error) {
    if (!failure)
      throw new WeirError('unreachable', `the result from ${query.url} broke off: ${messageOf(error)}`, {
        cause: error,
      })
  }
  if (failure) throw engineException(new Error(failure.toString().split('\n')[0] ?? ''))
  if (held.length > 0) yield held
}

async function ask(query: RemoteQuery): Promise<Response> {
  const url = new URL(query.url)
  url.searchParams.set('default_format', query.format)
  if (query.database !== undefined) url.searchParams.set('database', query.database)
  for (const [name, value] of Object.entries(query.settings ?? {})) url.searchParams.set(name, value)
  for (const [name, value] of Object.entries(query.params ?? {})) url.searchParams.set(`param_${name}`, value)
  const headers = { 'X-ClickHouse-User': query.user ?? 'default', 'X-ClickHouse-Key': query.password ?? '' }
  try {
    return await fetch(url, { method: 'POST', body: query.sql, headers, signal: query.signal ?? null })
  } catch (error) {
    if (query.signal?.aborted) throw sqlException('QUERY_WAS_CANCELLED', 'Query was cancelled.')
    throw new WeirError('unreachable', `${url.origin} does not answer: ${messageOf(error)}`, {
      hint: 'Check the address, and whether Weir runs there.',
      retryable: true,
      cause: error,
    })
  }
}
