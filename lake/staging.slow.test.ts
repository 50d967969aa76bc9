import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStaging } from './staging.js'

test('a block that does not fit is told as no room, and fits when there is some: half of it is never read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-small-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0
  try {
    if (!mounted) return t.skip('needs a small file system of its own: run as root on Linux')
    const staging = await openStaging(folder)
    const chunks = Array.from({ length: 7 }, (_, n) => Buffer.alloc(100_000, n))
    writeFileSync(join(folder, 'other'), Buffer.alloc(400_000))
    const used = staging.withFile(chunks, async () => assert.fail('read although not whole'))
    await assert.rejects(used, { code: 'lake_failed', retryable: true, message: /no room/ })
    rmSync(join(folder, 'other'))
    const found = await staging.withFile(chunks, async (path) => readFileSync(path))
    assert.deepEqual(found, Buffer.concat(chunks))
    await staging.close()
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    if (mounted) spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  }
})
