import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { lakeConformance } from './conformance.js'
import { openLake } from './open.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-lake-conformance-'))
after(() => rmSync(folder, { recursive: true, force: true }))

lakeConformance('embedded lake', () => openLake({ path: join(folder, 'lake') }))
