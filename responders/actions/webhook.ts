import { createHmac } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { messageOf, WeirError } from '../../core/errors.js'
import { findingOf } from '../../ocsf/finding.js'
import { type ActionContext, defineAction } from '../contract.js'

/** Addresses on which clouds hand out credentials: never the target of a webhook. */
const METADATA = new BlockList()
METADATA.addSubnet('169.254.0.0', 16, 'ipv4')
METADATA.addSubnet('fe80::', 10, 'ipv6')
METADATA.addAddress('fd00:ec2::254', 'ipv6')

/**
 * Tells another system. The body is JSON; `X-Weir-Signature` is `v1=` and the hex HMAC-SHA256 of
 * `<X-Weir-Timestamp>.<body>` under the shared secret, `Idempotency-Key` is the response's uid.
 */
export const webhook = defineAction({
  name: 'webhook',
  summary: 'POST the finding, signed, to a URL',
  config: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Where to send it; http or https. Redirects are not followed.'),
    secret: z.string().min(16).describe('Shared secret of the signature, 16 characters or more; write ${NAME}.'),
    timeout_ms: z.number().int().min(100).max(60_000).default(5_000).describe('Longest wait for an answer, ms.'),
  }),
  example: { url: 'https://soar.example.org/hooks/weir', secret: 'change-me-change-me' },
  permissions: [],
  targets: ['vm', 'container', 'function'],
  reversible: false,
  stops_traffic: false,
  // Many services put a token into the address.
  secrets: ['url', 'secret'],
  create(params) {
    const { host } = new URL(params.url)
    const delivered = new Map<string, string>()
    return {
      async plan({ findings }) {
        return {
          steps: [`POST ${findings.length} finding(s), signed, to ${host}.`],
          undo_steps: [],
          pre_image: { host },
        }
      },
      async execute(context) {
        await refuseMetadataAddress(params.url)
        const status = await post(params, context)
        if (status >= 200 && status < 300) {
          delivered.set(context.response_uid, `${host} answered ${status}.`)
          return
        }
        const retryable = status === 429 || status >= 500
        throw new WeirError('unreachable', `${host} answered ${status}`, { retryable })
      },
      async verify({ response_uid }) {
        const evidence = delivered.get(response_uid)
        return evidence ? { ok: true, evidence } : { ok: false, evidence: `${host} has not confirmed it.` }
      },
    }
  },
})

async function post(
  params: { url: string; secret: string; timeout_ms: number },
  context: ActionContext,
): Promise<number> {
  const body = JSON.stringify({
    response_uid: context.response_uid,
    playbook: context.playbook,
    workload: context.workload,
    findings: context.findings.map((event) => findingOf(event)),
  })
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const signature = createHmac('sha256', params.secret).update(`${timestamp}.${body}`).digest('hex')
  try {
    const response = await fetch(params.url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(params.timeout_ms),
      headers: {
        'content-type': 'application/json',
        'idempotency-key': context.response_uid,
        'x-weir-timestamp': timestamp,
        'x-weir-signature': `v1=${signature}`,
      },
    })
    await response.body?.cancel()
    return response.status
  } catch (error) {
    throw new WeirError('unreachable', `the webhook could not be sent: ${messageOf(error)}`, {
      retryable: true,
      cause: error,
    })
  }
}

async function refuseMetadataAddress(url: string) {
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(hostname) ? [{ address: hostname, family: isIP(hostname) }] : await resolve(hostname)
  for (const { address, family } of addresses) {
    if (METADATA.check(address, family === 6 ? 'ipv6' : 'ipv4')) {
      throw new WeirError('forbidden', `${hostname} is a link-local address; credentials live there`)
    }
  }
}

async function resolve(hostname: string) {
  try {
    return await lookup(hostname, { all: true })
  } catch (error) {
    throw new WeirError('unreachable', `cannot resolve ${hostname}`, { retryable: true, cause: error })
  }
}
