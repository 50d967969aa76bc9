// For the eye: node dist/test/corpus-report.js FORMAT PATH...  (paths below ../shared/data; --all: not only what the
// format is surest of). Without arguments: which format claims how many records of each corpus file.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../core/paths.js'
import { formats } from '../ingest/formats/index.js'
import { corpusOf, corpusReport, surest } from './corpus.js'
import { sharedRecords } from './format-cases.js'

const [name, ...rest] = process.argv.slice(2)
const paths = rest.filter((path) => path !== '--all')
if (name === undefined) {
  const folder = 'parser-corpus'
  for (const file of readdirSync(join(packageRoot, '..', 'shared', 'data', folder)).sort()) {
    const counts = new Map<string, number>()
    for (const { record } of sharedRecords(`${folder}/${file}`) ?? []) {
      const format = surest(record) ?? 'nobody'
      counts.set(format, (counts.get(format) ?? 0) + 1)
    }
    process.stdout.write(`${file}: ${[...counts].map(([format, n]) => `${format} ${n}`).join(', ')}\n`)
  }
} else {
  const records = rest.includes('--all')
    ? paths.flatMap((path) => (sharedRecords(path) ?? []).map(({ record }) => record))
    : (corpusOf(name, paths) ?? [])
  const { examples, ...counts } = corpusReport(formats.find(name), records)
  process.stdout.write(`${JSON.stringify(counts, undefined, 2)}\n${examples.join('\n')}\n`)
}
