/** Something that runs: `start` resolves when it works, `stop` resolves when it holds nothing any more and may be called twice. */
export type Service = {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
}

export type Lifecycle = {
  /** Starts the services in order. If one fails, those already started are stopped in reverse order and the error is thrown. */
  start(): Promise<void>
  /** Stops what runs in reverse order. Every service gets its turn; the first error is thrown at the end. */
  stop(): Promise<void>
}

/** Ordered start, reverse stop, roll-back when a start fails. */
export function lifecycle(services: readonly Service[]): Lifecycle {
  const running: Service[] = []

  async function stop() {
    const errors: unknown[] = []
    for (let service = running.pop(); service; service = running.pop()) {
      try {
        await service.stop()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  return {
    stop,
    async start() {
      for (const service of services) {
        try {
          await service.start()
          running.push(service)
        } catch (error) {
          await stop().catch(() => {})
          throw error
        }
      }
    },
  }
}
