import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { WeirError } from '../../core/errors.js'
import { createLog } from '../../core/log.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { webhook } from './webhook.js'

const secret = 'a-shared-secret-of-the-test'
const context = {
  response_uid: 'rsp-1',
  workload: containerWorkload('0123456789abcdef', 'shop-api'),
  findings: [],
  playbook: 'notify',
}

async function receiver(statuses: number[]) {
  const requests: { headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ headers: request.headers, body })
    const status = statuses.shift() ?? 200
    response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  return { requests, url, close: () => new Promise((resolve) => server.close(resolve)) }
}

const create = (url: string) => webhook.create({ url, secret, timeout_ms: 2_000 }, { log: createLog('silent') })

test('the body is signed with the timestamp, and the response uid is the idempotency key', async () => {
  const { requests, url, close } = await receiver([204])
  const action = create(url)
  const plan = await action.plan(context)
  await action.execute(context, plan)
  assert.equal((await action.verify(context, plan)).ok, true)
  const { headers, body } = requests[0]!
  const expected = createHmac('sha256', secret).update(`${headers['x-weir-timestamp']}.${body}`).digest('hex')
  assert.equal(headers['x-weir-signature'], `v1=${expected}`)
  assert.equal(headers['idempotency-key'], 'rsp-1')
  assert.equal(JSON.parse(body).workload.uid, 'container/0123456789ab')
  await close()
})

test('429 and 5xx may be tried again, a refusal and a redirect may not', async () => {
  const { url, close } = await receiver([503, 429, 400, 302])
  const action = create(url)
  const plan = await action.plan(context)
  const outcomes: boolean[] = []
  for (let n = 0; n < 4; n++) {
    await action.execute(context, plan).catch((error) => outcomes.push((error as WeirError).retryable))
  }
  assert.deepEqual(outcomes, [true, true, false, false])
  assert.equal((await action.verify(context, plan)).ok, false)
  await close()
})

test('a plan sends nothing, and the address where clouds keep credentials is refused', async () => {
  const { requests, url, close } = await receiver([])
  await create(url).plan(context)
  assert.equal(requests.length, 0)
  const metadata = create('http://169.254.169.254/latest/meta-data')
  await assert.rejects(
    metadata.execute(context, await metadata.plan(context)),
    (error) => error instanceof WeirError && error.code === 'forbidden',
  )
  await close()
})
