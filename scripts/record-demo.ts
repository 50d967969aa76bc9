// Plays the demo's scene and writes demo/recording.jsonl.gz. Run it after changing the scene: node dist/scripts/record-demo.js
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { RECORDING, record } from '../demo/recording.js'

writeFileSync(join(packageRoot, RECORDING), gzipSync(record(), { level: 9 }))
