import type { SavedState, SharedState } from './contract.js'

/** Shared state in this process, as the lake keeps it: for tests. `as` gives one process's view. */
export function createSharedMemory() {
  const saved = new Map<string, Map<string, SavedState>>()
  return {
    as: (process: string): SharedState => ({
      async save(name, content) {
        const byProcess = saved.get(name) ?? new Map<string, SavedState>()
        saved.set(name, byProcess.set(process, { saved_time: Date.now(), content }))
      },
      load: async (name) => [...(saved.get(name)?.values() ?? [])].sort((a, b) => b.saved_time - a.saved_time),
    }),
  }
}
