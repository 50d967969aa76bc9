import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/paths.js'
import { mustRun } from '../must-run.js'
import { onPath } from './fetch.js'

const run = promisify(execFile)
const VERSION = '5.1.4'
const FOLDER = join(packageRoot, '.stack', `moto-${VERSION}`)
const START_WITHIN_MS = 30_000

/** Services of AWS in one process, for tests. */
export type Moto = { readonly url: string; close(): Promise<void> }

/** Why there is no moto to test with; undefined if there is one or it can be fetched. In CI it throws instead. */
export function noMoto(): string | undefined {
  if (existsSync(FOLDER) || onPath('python3')) return undefined
  const reason = 'no moto here: install python3 with venv and pip, which fetch it from PyPI'
  if (mustRun()) throw new Error(reason)
  return reason
}

/** Starts moto (from PyPI, pinned, kept in `.stack`) on a free port of loopback. */
export async function startMoto(): Promise<Moto> {
  await fetched()
  const port = await freePort()
  // By module, because the folder was moved after it was made.
  const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)]
  const child = spawn(join(FOLDER, 'bin', 'python3'), args, { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const url = `http://127.0.0.1:${port}`
  await answering(url, child)
  return {
    url,
    async close() {
      process.off('exit', kill)
      const gone = new Promise((resolve) => child.once('exit', resolve))
      kill()
      await gone
    },
  }
}

async function fetched() {
  if (existsSync(FOLDER)) return
  const fresh = `${FOLDER}.${process.pid}`
  try {
    await run('python3', ['-m', 'venv', fresh], { timeout: 120_000 })
    const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', `moto[server,s3,sqs]==${VERSION}`]
    await run(join(fresh, 'bin', 'python3'), pip, { timeout: 300_000 })
    await rename(fresh, FOLDER).catch((error) => {
      if (!existsSync(FOLDER)) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function answering(url: string, child: ChildProcess) {
  const deadline_ms = Date.now() + START_WITHIN_MS
  while (Date.now() < deadline_ms && child.exitCode === null) {
    const response = await fetch(`${url}/moto-api/`).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.ok) return
    await sleep(100)
  }
  throw new Error(`moto did not start within ${START_WITHIN_MS} ms`)
}
