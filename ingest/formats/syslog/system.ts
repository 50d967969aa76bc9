import { isIP } from 'node:net'
import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { endpoint, type Reader, user } from './part.js'

const CRON =
  /^\(([^()\s]{1,256})\) (CMD|CMDEND|RELOAD|LIST|REPLACE|DELETE|BEGIN EDIT|END EDIT|STARTUP|ERROR|INFO) \((.{0,65536})\)$/s
const CRON_ACTIVITY: { readonly [word: string]: number } = { CMD: 6, REPLACE: 2, DELETE: 3 }

/** `(root) CMD (command)` of cron, and what crontab did with somebody's table. */
export const cron: Reader = (text) => {
  const match = CRON.exec(text.slice(0, 66_000))
  if (!match) return undefined
  const [, name, word = '', what = ''] = match
  const activity_id = CRON_ACTIVITY[word] ?? 99
  const isCommand = word === 'CMD' || word === 'CMDEND'
  const job = defined({
    name: isCommand ? (what.trim().split(' ', 1)[0] ?? what) || 'cron' : `crontab of ${what || name}`,
    cmd_line: isCommand ? what.trim() : undefined,
    user: user(name),
    run_state_id: word === 'CMD' ? 2 : undefined,
  })
  return {
    class_uid: CLASS.scheduled_job_activity,
    activity_id,
    ...(activity_id === 99 ? { activity_name: word } : {}),
    job,
    actor: { user: user(name) },
  }
}

const UNIT_WORDS: readonly [RegExp, number][] = [
  [/^(?:Started|Reached target) (.{1,300}?)\.?$/, 3],
  [/^(?:Stopped|Stopped target) (.{1,300}?)\.?$/, 4],
  [/^Reloaded (.{1,300}?)\.?$/, 8],
  [/^([\w@.\\:-]{1,200}): Deactivated successfully\.?$/, 4],
]

/** Units that systemd started and stopped. */
export const systemd: Reader = (text) => {
  for (const [pattern, activity_id] of UNIT_WORDS) {
    const match = pattern.exec(text.slice(0, 400))
    if (match) {
      return {
        class_uid: CLASS.application_lifecycle,
        activity_id,
        status_id: 1,
        app: { name: match[1], vendor_name: 'Linux' },
      }
    }
  }
  const failed =
    /^(?:Failed to start (.{1,300}?)\.?|([\w@.\\:-]{1,200}): (?:Failed with result .{1,64}|Main process exited, .{1,200}))$/.exec(
      text.slice(0, 500),
    )
  if (!failed) return undefined
  return { class_uid: CLASS.application_error, activity_id: 1, status_id: 2, status_detail: text.slice(0, 500) }
}

const PACKET = /\b([A-Z]{2,8})=(\S{0,255})/g

/** Packets that netfilter logged, processes the kernel ended, programs that crashed. */
export const kernel: Reader = (text) => {
  const bare = text.replace(/^\[ *\d{1,9}\.\d{1,9}\] ?/, '')
  if (/\bSRC=\S/.test(bare.slice(0, 1000)) && /\bDST=\S/.test(bare.slice(0, 1000))) return packet(bare.slice(0, 2000))
  const killed = /(?:Killed|Kill) process (\d{1,10}) \(([^)]{1,64})\)/.exec(bare.slice(0, 1000))
  if (killed) {
    const process = { pid: Number(killed[1]) % 2_147_483_648, name: killed[2] }
    return {
      class_uid: CLASS.process_activity,
      activity_id: 2,
      status_detail: 'Out of memory',
      process,
      actor: { app_name: 'kernel' },
    }
  }
  const crashed = /^([^\s[\]]{1,64})\[(\d{1,10})\](?:: segfault at | general protection| trap )/.exec(
    bare.slice(0, 300),
  )
  if (!crashed) return undefined
  return {
    class_uid: CLASS.application_error,
    activity_id: 1,
    status_id: 2,
    actor: { process: { pid: Number(crashed[2]) % 2_147_483_648, name: crashed[1] } },
  }
}

const PROTOCOLS: { readonly [name: string]: number } = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
  gre: 47,
  esp: 50,
}
const DIRECTION = { inbound: 1, outbound: 2, lateral: 3 } as const

/** `[UFW BLOCK] IN=eth0 OUT= MAC=... SRC=... DST=... PROTO=TCP SPT=... DPT=...` */
function packet(text: string): ClassPart | undefined {
  const values = new Map<string, string>()
  for (const [, key = '', value = ''] of text.matchAll(PACKET)) if (!values.has(key)) values.set(key, value)
  const source = values.get('SRC')
  const target = values.get('DST')
  if (source === undefined || target === undefined || isIP(source) === 0 || isIP(target) === 0) return undefined
  const prefix = text.slice(0, text.search(/\b(IN|OUT|SRC)=/)).trim()
  const blocked = /block|drop|reject|deny|denied|refus/i.test(prefix)
  const allowed = /allow|accept/i.test(prefix)
  const [from, to] = [values.get('IN') ?? '', values.get('OUT') ?? '']
  const name = values.get('PROTO')?.toLowerCase()
  const number = name === undefined ? undefined : /^\d{1,3}$/.test(name) ? Number(name) : ownEntry(PROTOCOLS, name)
  const rule = prefix.replace(/^\[|\]$/g, '').replace(/[:\s]+$/, '')
  const connection_info: JsonRecord = defined({
    direction_id: from !== '' && to !== '' ? DIRECTION.lateral : from !== '' ? DIRECTION.inbound : DIRECTION.outbound,
    protocol_name: name !== undefined && !/^\d+$/.test(name) ? name : undefined,
    protocol_num: number,
    protocol_ver_id: isIP(source),
  })
  const verdict = blocked ? { action_id: 2, disposition_id: 2 } : allowed ? { action_id: 1, disposition_id: 1 } : {}
  const length = Number(values.get('LEN'))
  return defined({
    class_uid: CLASS.network_activity,
    activity_id: blocked ? 5 : 6,
    src_endpoint: defined({ ...endpoint(source, values.get('SPT')), interface_name: from || undefined }),
    dst_endpoint: defined({ ...endpoint(target, values.get('DPT')), interface_name: to || undefined }),
    connection_info,
    traffic: Number.isInteger(length) && length > 0 ? { bytes: length, packets: 1 } : undefined,
    ...verdict,
    ...(rule !== '' && Object.keys(verdict).length > 0 ? { firewall_rule: { name: rule } } : {}),
  }) as ClassPart
}
