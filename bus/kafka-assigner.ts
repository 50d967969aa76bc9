import kafkajs, { type PartitionAssigner } from 'kafkajs'

const { AssignerProtocol } = kafkajs

/** A member of a consumer group: what it reads, and what it has now. */
export type Member = {
  readonly id: string
  readonly topics: readonly string[]
  readonly owned: Readonly<Record<string, readonly number[]>>
}

/**
 * Shares each topic's partitions out evenly, and leaves with a member what it has as far as that is even: state that was built
 * for a partition stays useful, and a second process takes half of the first one's partitions and no more.
 */
export function assignSticky(
  members: readonly Member[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): Map<string, Record<string, number[]>> {
  const result = new Map(members.map(({ id }) => [id, {} as Record<string, number[]>]))
  const total = new Map(members.map(({ id }) => [id, 0]))
  for (const [topic, partitions] of partitionsOf) {
    const free = new Set(partitions)
    const owned = (member: Member) => (member.owned[topic] ?? []).filter((partition) => free.has(partition))
    const readers = members
      .filter(({ topics }) => topics.includes(topic))
      .map((member) => ({ id: member.id, kept: owned(member) }))
      // Who gets one more: who has more already; among equals who has less in all.
      .sort(
        (a, b) =>
          b.kept.length - a.kept.length || (total.get(a.id) ?? 0) - (total.get(b.id) ?? 0) || (a.id < b.id ? -1 : 1),
      )
    if (readers.length === 0) continue
    const least = Math.floor(partitions.length / readers.length)
    const more = partitions.length % readers.length
    const shares = readers.map(({ id, kept }, index) => {
      const quota = index < more ? least + 1 : least
      // Two may claim the same after an outage: the first one keeps it.
      const mine = kept.filter((partition) => free.has(partition)).slice(0, quota)
      for (const partition of mine) free.delete(partition)
      return { id, quota, mine }
    })
    for (const { id, quota, mine } of shares) {
      for (const partition of free) {
        if (mine.length >= quota) break
        mine.push(partition)
        free.delete(partition)
      }
      if (mine.length > 0) (result.get(id) as Record<string, number[]>)[topic] = mine.sort((a, b) => a - b)
      total.set(id, (total.get(id) ?? 0) + mine.length)
    }
  }
  return result
}

export type StickyAssignerOptions = {
  /** What this member has now. */
  owned(): Readonly<Record<string, readonly number[]>>
  /** Called whenever this member asks to join: it has let go of everything until an assignment comes. */
  on_join(): void
}

/** The assigner of our consumers. All members of a group use it. */
export function stickyAssigner({ owned, on_join }: StickyAssignerOptions): PartitionAssigner {
  const name = 'weir-sticky'
  const version = 0
  return ({ cluster }) => ({
    name,
    version,
    protocol({ topics }) {
      on_join()
      const userData = Buffer.from(JSON.stringify(owned()))
      return { name, metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData }) }
    },
    async assign({ members, topics }) {
      const partitionsOf = new Map(
        topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map((p) => p.partitionId)]),
      )
      const shares = assignSticky(
        members.map(({ memberId, memberMetadata }) => describe(memberId, memberMetadata)),
        partitionsOf,
      )
      return [...shares].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version,
          assignment,
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })
}

function describe(id: string, metadata: Buffer): Member {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata)
  try {
    return { id, topics: decoded?.topics ?? [], owned: JSON.parse(String(decoded?.userData)) }
  } catch {
    return { id, topics: decoded?.topics ?? [], owned: {} }
  }
}
