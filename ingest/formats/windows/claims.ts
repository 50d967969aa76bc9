import { defined, type JsonRecord } from '../fields.js'
import { userOf, type Values } from './values.js'

/** Whom the claims of an AD FS event name: by the event's own column, or in its list of claim types and values. */
export function claimsOf(values: Values): { user?: JsonRecord; groups?: JsonRecord[] } {
  const list = listOf(values.peek('EventData'))
  let account = values.text('ClaimsName')
  let uid: string | undefined
  let email: string | undefined
  const groups: JsonRecord[] = []
  for (let n = 0; n + 1 < list.length; n++) {
    const claim = CLAIM.exec(String(list[n]))?.[1]
    const value = list[n + 1]
    if (claim === undefined || typeof value !== 'string') continue
    n++
    if (claim === 'name' || claim === 'windowsaccountname') account ??= value
    else if (claim === 'upn' || claim === 'emailaddress') email ??= value
    else if (claim === 'primarysid') uid ??= value
    else if (claim === 'groupsid' && groups.length < 256) groups.push({ uid: value })
  }
  const user = userOf(account ?? email, defined({ uid, email_addr: email?.includes('@') ? email : undefined }))
  return defined({ user, groups: groups.length === 0 ? undefined : groups })
}

const CLAIM = /\/claims\/(\w{1,40})$/

function listOf(text: string | undefined): readonly unknown[] {
  if (text === undefined || !text.startsWith('[') || text.length > 100_000) return []
  try {
    return JSON.parse(text) as unknown[]
  } catch {
    return []
  }
}
