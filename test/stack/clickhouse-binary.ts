import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseStack } from './clickhouse.js'

const started_within_ms = 30_000

/** True if there is a ClickHouse server to start on the PATH. */
export function hasClickHouse(): boolean {
  return spawnSync('clickhouse', ['--version'], { stdio: 'ignore' }).status === 0
}

/** A server of the `clickhouse` binary on the PATH, with a folder, a port and a user of its own. */
export async function startBinary(): Promise<ClickHouseStack> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-clickhouse-'))
  const port = await freePort()
  const user = 'weir'
  const password = randomUUID()
  const url = `http://127.0.0.1:${port}`
  writeFileSync(join(folder, 'config.xml'), serverXml(folder, port))
  writeFileSync(join(folder, 'users.xml'), usersXml(user, password))
  let running: ChildProcess | undefined

  async function start() {
    const child = spawn('clickhouse', ['server', `--config-file=${join(folder, 'config.xml')}`], { stdio: 'ignore' })
    running = child
    child.once('exit', () => {
      if (running === child) running = undefined
    })
    for (const end = Date.now() + started_within_ms; Date.now() < end && running; await sleep(100)) {
      const answer = await fetch(`${url}/ping`).catch(() => undefined)
      if (answer?.ok) return
    }
    throw new Error(`clickhouse server did not answer at ${url}`)
  }

  async function end(signal: NodeJS.Signals) {
    const child = running
    if (!child) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  const refuse = async () => {
    throw new Error('only the stand-in can be slowed or locked: startClickHouse({ own: true })')
  }
  await start()
  return {
    url,
    user,
    password,
    kind: 'binary',
    pid: () => running?.pid,
    async stop() {
      await end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      await start()
    },
    setDelay: refuse,
    setReadonly: refuse,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function serverXml(folder: string, port: number): string {
  return `<clickhouse>
  <logger><level>error</level><log>${folder}/log</log><errorlog>${folder}/errors</errorlog></logger>
  <path>${folder}/data/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <user_files_path>${folder}/files/</user_files_path>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${port}</http_port>
  <user_directories>
    <users_xml><path>${folder}/users.xml</path></users_xml>
    <local_directory><path>${folder}/access/</path></local_directory>
  </user_directories>
</clickhouse>
`
}

function usersXml(user: string, password: string): string {
  return `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users><${user}>
    <password>${password}</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <access_management>1</access_management>
  </${user}></users>
</clickhouse>
`
}
