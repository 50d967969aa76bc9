// Reporter of node:test that writes the tests that were skipped, one a line: file, name, why.
import { relative } from 'node:path'

/** A tab between the three; a name or reason has none. */
const line = (...cells) => `${cells.map((cell) => String(cell).replaceAll(/\s+/g, ' ')).join('\t')}\n`

export default async function* skipped(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.skip === undefined || data.skip === false) continue
    yield line(relative(process.cwd(), data.file ?? ''), data.name, data.skip === true ? 'no reason given' : data.skip)
  }
}
