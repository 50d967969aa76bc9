import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { mustRun } from '../must-run.js'
import { fetchMaven, onPath } from './fetch.js'
import { KAFKA_USERS, type KafkaOptions, log4j, serverProperties } from './kafka-properties.js'
import { setScramPassword } from './kafka-scram.js'

export { KAFKA_USERS } from './kafka-properties.js'

const run = promisify(execFile)
/** The newest release that was tried with kafkajs; see docs/decisions/0012-kafka.md. */
const KAFKA_VERSION = '4.4.0'
const START_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 20_000
const HEAP = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC']

/** A Kafka broker (KRaft, one node, which is its own controller) for tests, on 127.0.0.1 with a folder of its own. */
export type Kafka = {
  /** `127.0.0.1:<port>`; the same after a restart. */
  readonly brokers: string[]
  /** False if the address came from the environment: it cannot be restarted or killed then. */
  readonly is_ours: boolean
  /** Empty if it is not ours. */
  readonly data_dir: string
  /** Asks it to end, waits, and starts it again with its data. */
  restart(): Promise<void>
  /** kill -9; `start` brings it back. */
  kill(): Promise<void>
  /** Starts what `kill` or `halt` ended. */
  start(): Promise<void>
  /** Asks it to end and keeps its data. */
  halt(): Promise<void>
  /** Holds it still (SIGSTOP): connections stay open and nobody answers. */
  pause(): void
  resume(): void
  /** Another SCRAM password for one of KAFKA_USERS; connections that are open stay so. */
  setPassword(user: string, password: string): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
  /** The last lines of its log. */
  log(): string
}

/**
 * Why no broker can be had here, in one line, for `test(..., { skip })`; undefined if it can be. In CI nothing is
 * skipped: `startKafka` fails there instead.
 */
export function whyNoKafka(): string | undefined {
  if (mustRun() || process.env.WEIR_TEST_KAFKA || onPath('kafka-server-start.sh')) return undefined
  const missing = ['java', 'mvn'].filter((name) => !onPath(name))
  if (missing.length === 0) return undefined
  return `no Kafka: set WEIR_TEST_KAFKA=host:port, put kafka-server-start.sh on PATH, or install ${missing.join(' and ')} (Java 17, Maven)`
}

/**
 * A broker: the one at WEIR_TEST_KAFKA if that is set and nothing special is asked for; else `kafka-server-start.sh`
 * from PATH; else Apache's jars, fetched into `.stack/`. `own`: never the one from the environment.
 */
export async function startKafka(options: KafkaOptions & { own?: boolean } = {}): Promise<Kafka> {
  const given = process.env.WEIR_TEST_KAFKA
  if (given && !options.own && !options.sasl && !options.authorizer && !options.tls) return foreign(given)
  const program = await findProgram()
  const folder = mkdtempSync(join(tmpdir(), 'weir-kafka-'))
  const clean = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  process.once('exit', clean)
  const [client = 0, controller = 0, internal = 0] = await freePorts(3)
  const properties = join(folder, 'server.properties')
  writeFileSync(properties, serverProperties({ ...options, folder, client, controller, internal }))
  writeFileSync(join(folder, 'log4j2.properties'), log4j)
  const format = ['format', '-t', 'd2VpcnRlc3R3ZWlydGVzdA', '-c', properties, ...scramUsers(options)]
  await run(program.storage[0], [...program.storage.slice(1), ...format], { env: program.env(folder) })

  let broker: Broker | undefined
  const start = async () => {
    broker ??= await startBroker(program, folder, properties)
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = broker
    broker = undefined
    await ending?.end(signal)
  }
  const stop = async (signal: NodeJS.Signals) => {
    await end(signal)
    process.off('exit', clean)
    clean()
  }
  await start().catch(async (error) => {
    await stop('SIGKILL')
    throw error
  })
  return {
    brokers: [`127.0.0.1:${client}`],
    is_ours: true,
    data_dir: folder,
    start,
    halt: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      await start()
    },
    pause: () => void broker?.child.kill('SIGSTOP'),
    resume: () => void broker?.child.kill('SIGCONT'),
    setPassword: (user, password) => setScramPassword(internal, user, password),
    // Nobody reads its data any more, so that it need not be put in order first.
    stop: () => stop('SIGKILL'),
    log: () => broker?.log() ?? '',
  }
}

type Program = {
  /** Command and first arguments of the server and of the tool that formats its folder. */
  readonly server: readonly [string, ...string[]]
  readonly storage: readonly [string, ...string[]]
  env(folder: string): NodeJS.ProcessEnv
}

async function findProgram(): Promise<Program> {
  const script = onPath('kafka-server-start.sh')
  if (script) {
    return {
      server: [script],
      storage: [join(dirname(script), 'kafka-storage.sh')],
      env: (folder) => ({ ...process.env, KAFKA_HEAP_OPTS: HEAP.join(' '), LOG_DIR: join(folder, 'logs') }),
    }
  }
  const java = onPath('java')
  if (!java) throw new Error('Kafka needs Java 17 or newer: install a JRE, or set WEIR_TEST_KAFKA=host:port')
  const jars = await fetchMaven({
    folder: `kafka-${KAFKA_VERSION}`,
    coordinates: [`org.apache.kafka:kafka_2.13:${KAFKA_VERSION}`, 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.5'],
    checksums: 'kafka.sha256',
  }).catch((cause) => {
    throw new Error('Kafka cannot be fetched: install Maven (mvn), or set WEIR_TEST_KAFKA=host:port', { cause })
  })
  const command = (main: string, flags: readonly string[]): readonly [string, ...string[]] => [
    java,
    ...HEAP,
    ...flags,
    '-cp',
    join(jars, '*'),
    main,
  ]
  return {
    server: command('kafka.Kafka', []),
    storage: command('kafka.tools.StorageTool', ['-XX:TieredStopAtLevel=1']),
    env: (folder) => ({
      ...process.env,
      JAVA_TOOL_OPTIONS: `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
    }),
  }
}

function scramUsers({ sasl }: KafkaOptions): string[] {
  if (!sasl) return []
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    Object.entries(KAFKA_USERS).flatMap(([name, password]) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  )
}

type Broker = { readonly child: ChildProcess; end(signal: NodeJS.Signals): Promise<void>; log(): string }

async function startBroker(program: Program, folder: string, properties: string): Promise<Broker> {
  const [command, ...args] = program.server
  const child = spawn(command, [...args, properties], {
    cwd: folder,
    env: program.env(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit').catch(() => undefined)
  // A test that is killed runs no exit hooks: this shell sees its end of the pipe close.
  const watch = spawn('sh', ['-c', `cat > /dev/null; kill -9 ${child.pid}; rm -rf '${folder}'`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watch.unref()
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      output = `${output}${piece}`.slice(-20_000)
    })
  }
  async function end(signal: NodeJS.Signals) {
    // One that was paused would never see the signal.
    child.kill('SIGCONT')
    child.kill(signal)
    const slow = setTimeout(kill, STOP_WITHIN_MS)
    if (child.exitCode === null && child.signalCode === null) await exited
    clearTimeout(slow)
    process.off('exit', kill)
    if (watch.pid) watch.kill('SIGKILL')
  }
  const deadline = Date.now() + START_WITHIN_MS
  while (!output.includes('Kafka Server started')) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await end('SIGKILL')
      throw new Error(`Kafka did not start:\n${output}`)
    }
    await sleep(20)
  }
  return { child, end, log: () => output }
}

function foreign(address: string): Kafka {
  const refuse = async () => {
    throw new Error('the broker at WEIR_TEST_KAFKA is not ours to stop: use startKafka({ own: true })')
  }
  return {
    brokers: address.split(','),
    is_ours: false,
    data_dir: '',
    restart: refuse,
    kill: refuse,
    start: refuse,
    halt: refuse,
    pause: () => void refuse(),
    resume: () => void refuse(),
    setPassword: refuse,
    stop: async () => {},
    log: () => '',
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
