type Attack = {
  tactic?: { uid: string; name: string }
  technique?: { uid: string }
  sub_technique?: { uid: string }
}

/** MITRE ATT&CK's enterprise tactics by the words tags use for them. */
const TACTICS = new Map(
  (
    [
      ['TA0043', 'Reconnaissance'],
      ['TA0042', 'Resource Development'],
      ['TA0001', 'Initial Access'],
      ['TA0002', 'Execution'],
      ['TA0003', 'Persistence'],
      ['TA0004', 'Privilege Escalation'],
      ['TA0005', 'Defense Evasion'],
      ['TA0006', 'Credential Access'],
      ['TA0007', 'Discovery'],
      ['TA0008', 'Lateral Movement'],
      ['TA0009', 'Collection'],
      ['TA0011', 'Command and Control'],
      ['TA0010', 'Exfiltration'],
      ['TA0040', 'Impact'],
    ] as const
  ).flatMap(([uid, name]) => {
    const tactic = { uid, name }
    return [
      [uid.toLowerCase(), tactic],
      [`mitre_${name.toLowerCase().replaceAll(' ', '_')}`, tactic],
    ] as const
  }),
)

const TECHNIQUE = /^t\d{4}(\.\d{3})?$/i

/**
 * OCSF `attacks` from tags such as `T1059`, `T1053.003`, `TA0002` and `mitre_execution`. With one tactic it belongs to
 * every technique; with several nothing says which belongs to which, so they stand alone. Other tags are ignored.
 */
export function attacksOf(tags: readonly string[]): Attack[] {
  const tactics = new Map<string, { uid: string; name: string }>()
  const techniques = new Set<string>()
  for (const tag of tags) {
    const tactic = TACTICS.get(tag.toLowerCase())
    if (tactic) tactics.set(tactic.uid, tactic)
    else if (TECHNIQUE.test(tag)) techniques.add(tag.toUpperCase())
  }
  const only = tactics.size === 1 ? [...tactics.values()][0] : undefined
  const attacks: Attack[] = [...techniques].map((uid) => ({
    ...(only ? { tactic: { ...only } } : {}),
    technique: { uid: uid.slice(0, 5) },
    ...(uid.length > 5 ? { sub_technique: { uid } } : {}),
  }))
  if (!only || attacks.length === 0) for (const tactic of tactics.values()) attacks.push({ tactic: { ...tactic } })
  return attacks
}
