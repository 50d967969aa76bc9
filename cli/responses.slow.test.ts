import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import { containerWorkload } from '../ocsf/workload.js'
import { nativeLine, push } from '../test/push.js'
import { startWeir } from '../test/weir-process.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-responses-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const playbook = `
name: miner
summary: Write down miners.
match: { techniques: [T1496], min_severity: high }
verify: { families: 1 }
approve: always
actions: [{ action: log }]
undo_after_ms: null
`

function miner(name: string): string {
  const event = JSON.parse(nativeLine(name, 0, Date.now()))
  const file = { name: 'node', path: '/usr/bin/node', type_id: 1 }
  const process = { pid: 4242, name: 'node', cmd_line: 'node -o stratum+tcp://203.0.113.9:3333 --donate-level 1', file }
  return JSON.stringify({ ...event, process, workload: containerWorkload(`${name}0000000000`, name) })
}

type Answer = { code: number; stdout: string; stderr: string }
function responses(...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const command = ['responses', ...args, '-c', join(folder, 'weir.yaml')]
    execFile(join(packageRoot, 'bin', 'weir'), command, { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}
async function listed(...args: string[]) {
  const { code, stdout, stderr } = await responses('list', '-f', 'JSONEachRow', ...args)
  assert.equal(code, 0, stderr)
  const lines = stdout.split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as { uid: string; state: string; workload: string; reason: string })
}

test('a person lists, approves and rejects responses while Weir runs, and each act is recorded with the name', async () => {
  writeFileSync(join(folder, 'playbook.yml'), playbook)
  const weir = await startWeir(folder, {
    mode: 'enforce',
    http: { port: 0 },
    collectors: { http: { type: 'http', port: 0 } },
    detectors: { rules: { type: 'rules' } },
    responders: { builtin_playbooks: false, playbooks: [join(folder, 'playbook.yml')] },
  })
  const answer = await push(weir, [miner('shop'), miner('cart')].join('\n'))
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  await weir.until('two proposals', 'SELECT uniqExact(response_uid) = 2 FROM responses')
  assert.equal(statSync(join(folder, '.weir', 'control.sock')).mode & 0o777, 0o600)

  const open = await listed()
  assert.deepEqual(open.map(({ workload, state }) => [workload, state]).sort(), [
    ['cart', 'waiting_approval'],
    ['shop', 'waiting_approval'],
  ])
  assert.match(open[0]?.reason ?? '', /asks a person first/)
  const uidOf = (name: string) => open.find(({ workload }) => workload === name)?.uid ?? ''

  const approved = await responses('approve', uidOf('shop'), '--by', 'ada', '--reason', 'seen on the screen')
  assert.equal(approved.code, 0, approved.stderr)
  assert.match(approved.stdout, /^rsp-\w+ is (planned|executing|verified)\./)
  await weir.until('it is carried out', `SELECT count() FROM responses WHERE state = 'verified'`)
  const rejected = await responses('reject', uidOf('cart'), '--by', 'bob', '--reason', 'a test of ours')
  assert.equal(rejected.code, 0, rejected.stderr)
  assert.match(rejected.stdout, /is rejected\. Rejected by bob\. a test of ours/)

  const steps = await weir.rows<{ state: string; who: string; why: string }>(
    `SELECT state, JSONExtractString(event, 'unmapped', 'response', 'by') AS who, JSONExtractString(event, 'status_detail') AS why
     FROM responses WHERE who != '' AND state IN ('planned', 'rejected') ORDER BY state`,
  )
  assert.deepEqual(
    steps.map(({ state, who }) => [state, who]),
    [
      ['planned', 'ada'],
      ['rejected', 'bob'],
    ],
  )
  assert.match(steps[0]?.why ?? '', /Approved by ada\. .*seen on the screen/)

  assert.deepEqual(await listed(), [], 'nothing waits for anybody')

  const again = await responses('approve', uidOf('shop'))
  assert.equal(again.code, 2)
  assert.match(again.stderr, /is verified, only a proposal can be approved/)
  const undone = await responses('undo', uidOf('shop'))
  assert.match(undone.stderr, /only a reversible one that was carried out can be undone/)
  const unknown = await responses('reject', 'rsp-none')
  assert.match(unknown.stderr, /there is no response rsp-none\nweir responses lists them/)

  assert.equal((await weir.stop()).code, 0, weir.output())
  const nobody = await responses('approve', uidOf('shop'))
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /no Weir that answers findings runs on .*\nStart `weir up`/)
  assert.deepEqual((await listed('--all')).map(({ state }) => state).sort(), ['rejected', 'verified'])
})
