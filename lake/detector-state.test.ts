import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadStates, saveState } from './detector-state.js'
import { openLake } from './open.js'

const MINUTE = 60_000

test('each process has one state, the newest it saved; what others have overtaken is left out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-state-'))
  const lake = await openLake({ path: join(folder, 'lake') })
  try {
    const now = Date.now()
    const state = (process: string, age_ms: number, content: string) => ({
      instance: 'profile',
      name: 'profile',
      process,
      saved_time: now - age_ms,
      content,
    })
    assert.deepEqual(await loadStates(lake, 'profile', 'profile'), [])
    await saveState(lake, state('gone', 40 * MINUTE, 'overtaken'))
    await saveState(lake, state('a', 9 * MINUTE, 'first'))
    // Text that would not survive as SQL or as a line.
    const content = `{"v":"it's \\ \n\n SELECT 1"}${'é'.repeat(200_000)}`
    await saveState(lake, state('a', 5 * MINUTE, content))
    await saveState(lake, state('b', 7 * MINUTE, 'of b'))
    await saveState(lake, { ...state('c', 0, 'of another instance'), instance: 'other' })
    const found = await loadStates(lake, 'profile', 'profile')
    assert.deepEqual(
      found.map(({ process, saved_time }) => [process, now - saved_time]),
      [
        ['a', 5 * MINUTE],
        ['b', 7 * MINUTE],
      ],
    )
    assert.equal(found[0]?.content, content)
  } finally {
    await lake.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
