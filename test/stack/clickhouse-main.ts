import { setTimeout as sleep } from 'node:timers/promises'
import { Session } from 'chdb'
import { createLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { sqlException } from '../../lake/endpoint/exception.js'
import { createSqlEndpoint } from '../../lake/endpoint/server.js'

// The embedded engine behind our HTTP endpoint, as a server: `clickhouse-main <folder> <port> <user> <password>`.
const [folder = '', port = '0', name = '', password = ''] = process.argv.slice(2)
const state = { delay_ms: 0, readonly: false }

/** What the parent says: how the server is to behave from now on. */
export type StackOrder = Partial<typeof state>
/** What it is told: where the server listens, and that an order holds. */
export type StackReply = { readonly url?: string; readonly done?: true }

const tell = (reply: StackReply) => process.send?.(reply)
process.on('message', (order: StackOrder) => {
  Object.assign(state, order)
  tell({ done: true })
})
process.on('disconnect', () => process.exit(0))

const keeper = new Session(folder)
const endpoint = createSqlEndpoint({
  open: () => new Session(folder),
  port: Number(port),
  users: [{ name: 'analyst', password: '' }],
  writers: {
    users: [{ name, password }],
    async admit() {
      if (state.delay_ms > 0) await sleep(state.delay_ms)
      if (state.readonly) throw sqlException('READONLY', 'Cannot execute query in readonly mode.')
    },
  },
  log: createLog('silent'),
  metrics: createMetrics(),
})
await endpoint.start()
process.on('SIGTERM', async () => {
  await endpoint.stop()
  keeper.close()
  process.exit(0)
})
tell({ url: endpoint.url })
