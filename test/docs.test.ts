import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { configSchema } from '../cli/config.js'
import { createProgram } from '../cli/main.js'
import { parseConfig } from '../core/config.js'
import { packageRoot } from '../core/paths.js'
import { formats } from '../ingest/formats/index.js'
import { actions } from '../responders/actions/index.js'
import { playbookSchema } from '../responders/playbook.js'

const pages = [
  ...readdirSync(packageRoot).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((path) => ({ path, text: readFileSync(join(packageRoot, path), 'utf8') }))

test('every link between pages leads somewhere', () => {
  for (const { path, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const file = join(packageRoot, dirname(path), target)
      assert.ok(existsSync(file), `${path} links to ${relative(packageRoot, file)}`)
    }
  }
})

test('every command that a page tells to type exists', () => {
  const known = new Set(createProgram().commands.map((command) => command.name()))
  for (const { path, text } of pages) {
    for (const [line, name = ''] of text.matchAll(/^ {4}(?:bin\/)?weir ([a-z]+)/gm)) {
      assert.ok(known.has(name), `${path}: ${line.trim()}`)
    }
  }
})

test('the examples of the page about playbooks are read', () => {
  const page = pages.find(({ path }) => path === join('docs', 'playbooks.md'))
  const [playbook = '', config = ''] = [...(page?.text ?? '').matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text)
  const options = { file: 'docs/playbooks.md', env: { CHAT_HOOK_SECRET: 'a secret of 16 or more' } }
  const { actions: steps } = parseConfig(playbook, playbookSchema, options)
  for (const { action, params } of steps) actions.find(action).config.parse(params)
  assert.equal(parseConfig(config, configSchema, options).mode, 'dry_run')
})

test('the examples of the page about collecting are read', () => {
  const page = pages.find(({ path }) => path === join('docs', 'collecting.md'))
  const examples = [...(page?.text ?? '').matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text)
  assert.ok(examples.length >= 4)
  for (const example of examples) {
    const options = { file: 'docs/collecting.md', env: { EVENT_HUBS: 'Endpoint=sb://my-namespace' } }
    const { collectors } = parseConfig(example, configSchema, options)
    for (const { format } of Object.values(collectors) as { format?: string }[]) {
      if (format !== undefined) formats.find(format)
    }
  }
})
