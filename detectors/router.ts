import type { OcsfEvent } from '../ocsf/event.js'
import { isOwnFinding } from '../ocsf/finding.js'
import type { Needs } from './contract.js'

type Wanting = { readonly classes: Needs['classes'] }

/**
 * Splits a batch by what each detector wants, in order; detectors that get nothing are left out. Weir's own findings
 * go to nobody: a detector must not feed on itself.
 */
export function router<Runner extends Wanting>(runners: readonly Runner[]) {
  const targets = new Map<number, number[]>()
  for (const [index, { classes }] of runners.entries()) {
    if (classes === 'all') continue
    for (const class_uid of classes) {
      const list = targets.get(class_uid)
      if (list) list.push(index)
      else targets.set(class_uid, [index])
    }
  }

  return (batch: readonly OcsfEvent[]): [Runner, readonly OcsfEvent[]][] => {
    const buckets: OcsfEvent[][] = runners.map(() => [])
    let hasOwn = false
    for (const event of batch) {
      if (isOwnFinding(event)) {
        hasOwn = true
        continue
      }
      const wanting = targets.get(event.class_uid)
      if (wanting === undefined) continue
      for (const index of wanting) buckets[index]?.push(event)
    }
    const foreign = hasOwn ? batch.filter((event) => !isOwnFinding(event)) : batch
    const result: [Runner, readonly OcsfEvent[]][] = []
    for (const [index, runner] of runners.entries()) {
      const wanted = runner.classes === 'all' ? foreign : (buckets[index] ?? [])
      if (wanted.length > 0) result.push([runner, wanted])
    }
    return result
  }
}
