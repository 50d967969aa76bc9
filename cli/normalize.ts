import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import type { Command } from 'commander'
import { parse } from 'yaml'
import type { Bus } from '../bus/port.js'
import { WeirError } from '../core/errors.js'
import { createMetrics } from '../core/metrics.js'
import { createIntake } from '../ingest/intake.js'
import { loadConfig } from './config.js'
import { plainBytes } from './input/bytes.js'
import { openInput } from './input/records.js'
import { countInvalid, summaryOf, summaryText } from './input/tally.js'
import { configFile, withConfig } from './options.js'

type Options = { config?: string; format: string; option: Record<string, unknown>; rejects?: string; json?: boolean }

const BATCH = 512

/** `weir normalize`: raw records in, OCSF events out. */
export function registerNormalize(program: Command) {
  withConfig(program.command('normalize'))
    .description('turn raw records on stdin into OCSF events on stdout, one a line')
    .option('-f, --format <name>', 'format of the records; `weir formats` lists them', 'auto')
    .option('-o, --option <name=value>', 'option of the format, YAML; repeatable', collectOption, {})
    .option('--rejects <file>', 'write what was rejected there, one dead letter a line')
    .option('--json', 'the summary on stderr as one JSON object')
    .addHelpText(
      'after',
      `
Reads lines, JSON documents of one or many lines, arrays, and all of them compressed with gzip or zstd.

Examples:
  weir normalize --format cloudtrail < 123456789012_CloudTrail_eu-central-1.json.gz > ocsf.jsonl
  zcat flow.log.gz | weir normalize -f vpc_flow -o 'fields=\${version} \${srcaddr} \${dstaddr}' | jq .src_endpoint
Exit code: 0 all became events or were dropped on purpose, 3 something was rejected, 2 wrong use.
`,
    )
    .action(normalize)
}

async function normalize(options: Options) {
  const { formats: configured, max_record_length } = loadConfig(configFile(options))
  if (process.stdin.isTTY) {
    throw new WeirError('bad_input', 'there is no input', { hint: 'Try: weir normalize --format falco < alerts.jsonl' })
  }
  const stop = new AbortController()
  // `weir normalize | head` closes our output: then nobody wants the rest.
  process.stdout.on('error', () => stop.abort())
  const { definition, records } = await openInput(plainBytes(process.stdin, 'stdin'), options.format, 'stdin')
  const given = { ...(configured[definition.name] ?? {}), ...options.option }
  const checked = definition.config.safeParse(given)
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path, message }) => `${path.join('.') || 'option'}: ${message}`)
    throw new WeirError('config_invalid', `options of ${definition.name}: ${problems.join('; ')}`)
  }
  const metrics = createMetrics()
  const invalid: Record<string, number> = {}
  const rejects = options.rejects === undefined ? undefined : createWriteStream(options.rejects, { mode: 0o600 })
  const bus: Pick<Bus, 'publish'> = {
    async publish(topic, messages) {
      if (stop.signal.aborted) return
      if (topic === 'weir.dead_letters') {
        countInvalid(invalid, messages)
        if (rejects) await write(rejects, messages, stop.signal)
      } else await write(process.stdout, messages, stop.signal)
    },
  }
  const format = definition.create(checked.data)
  const intake = createIntake({
    bus,
    metrics,
    formats: new Map([[definition.name, { definition, format }]]),
    // A log file that is one document is one record until it is taken apart.
    max_record_length: Math.max(max_record_length, 64 * 1024 * 1024),
    now: Date.now,
  })
  for await (const batch of records) {
    for (let from = 0; from < batch.length && !stop.signal.aborted; from += BATCH) {
      const records = batch.slice(from, from + BATCH).map(({ record }) => record)
      await intake.emit('normalize', definition.name, records)
    }
    if (stop.signal.aborted) break
  }
  rejects?.end()
  const summary = summaryOf(definition.name, metrics, invalid)
  process.stderr.write(options.json ? `${JSON.stringify(summary)}\n` : summaryText(summary))
  process.exitCode = Object.keys(summary.rejected).length > 0 ? 3 : 0
  // What nobody reads any more must not keep the process.
  if (stop.signal.aborted) process.stdin.destroy()
}

/** Writes events a line each, as fast as they are taken. */
async function write(
  stream: NodeJS.WriteStream | WriteStream,
  messages: readonly { readonly value: object }[],
  signal: AbortSignal,
) {
  const text = messages.map(({ value }) => `${JSON.stringify(value)}\n`).join('')
  if (stream.write(text)) return
  try {
    await once(stream, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** `name=value`, the value as in a configuration file. */
function collectOption(text: string, options: Record<string, unknown>): Record<string, unknown> {
  const at = text.indexOf('=')
  if (at < 1) throw new WeirError('bad_input', `--option "${text}" is not name=value`)
  const value = text.slice(at + 1)
  // `${version}` begins like a mapping of YAML and is a text.
  return { ...options, [text.slice(0, at)]: value.startsWith('$') ? value : (parse(value) as unknown) }
}
