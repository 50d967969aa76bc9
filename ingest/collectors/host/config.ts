import { z } from 'zod'

const PARTS = ['processes', 'connections', 'logins', 'metrics'] as const

/** Every field of the host collector. */
export const hostConfig = z.strictObject({
  watch: z
    .array(z.enum(PARTS))
    .default([...PARTS])
    .describe('What to watch: processes, connections, logins, metrics.'),
  root: z
    .string()
    .default('/')
    .describe(
      "Where the machine's file system is seen; `/host` where Weir runs in a container with `/` mounted there.",
    ),
  docker_root: z
    .string()
    .default('/var/lib/docker')
    .describe("Docker's data folder below `root`: names and images of containers are read from there."),
  interval_ms: z
    .int()
    .min(100)
    .default(1000)
    .describe('Time between two looks at processes and connections, in ms. What lives shorter can be missed.'),
  metrics_interval_ms: z.int().min(1000).default(10_000).describe('Time between two measurements, in ms.'),
  login_interval_ms: z.int().min(100).default(2000).describe('Time between two looks at the log-in files, in ms.'),
  kernel_threads: z.boolean().default(false).describe('Whether threads of the kernel are reported as processes.'),
  hash_max_bytes: z
    .int()
    .min(0)
    .default(128 * 1024 * 1024)
    .describe('Executables larger than this get no SHA-256, in bytes; 0 hashes none.'),
  hash_wait_ms: z
    .int()
    .min(0)
    .default(1000)
    .describe('How long the event of a new process waits for the hash of its executable, in ms.'),
  max_connections: z
    .int()
    .min(1)
    .default(5000)
    .describe('New connections reported at each look; more are counted as lost.'),
})

/** Configuration of the host collector, checked. */
export type HostConfig = z.output<typeof hostConfig>
