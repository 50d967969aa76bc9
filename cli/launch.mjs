// Installs and compiles first when that is needed, so that bin/weir works straight from a clone. Where there is nothing to
// compile (the container image has only what was compiled), it starts at once.
import { existsSync } from 'node:fs'

if (existsSync(new URL('../tsconfig.json', import.meta.url))) await import('../scripts/setup.mjs')
const { main } = await import('../dist/cli/main.js')
await main(process.argv.slice(2))
