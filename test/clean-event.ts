/** An event of Process Activity with no more than OCSF requires of one. */
export const cleanEvent = {
  class_uid: 1007,
  category_uid: 1,
  activity_id: 1,
  type_uid: 100701,
  time: 1_700_000_000_000,
  severity_id: 1,
  metadata: { version: '1.8.0', product: { name: 'test' } },
  device: { hostname: 'a', type_id: 1 },
  process: { pid: 2 },
  actor: { process: { pid: 1 } },
  workload: { kind: 'vm', uid: 'vm/a', name: 'a', group: 'a' },
}
