// Installs and compiles first when that is needed, so that bin/weir works straight from a clone.
await import('../scripts/setup.mjs')
const { main } = await import('../dist/cli/main.js')
await main(process.argv.slice(2))
