import { attacksOf } from './mitre.js'

/** Purposes in GuardDuty's types (`PrivilegeEscalation:IAMUser/...`) that are tactics of MITRE ATT&CK. */
const PURPOSES = new Set([
  'CredentialAccess',
  'DefenseEvasion',
  'Discovery',
  'Execution',
  'Exfiltration',
  'Impact',
  'InitialAccess',
  'LateralMovement',
  'Persistence',
  'PrivilegeEscalation',
])

/** MITRE ATT&CK of a finding: technique ids in its indicators or text, and the tactic its type names. */
export function findingAttacks(types: readonly string[], techniques: readonly string[]) {
  const tags = [...techniques]
  for (const type of types) {
    const purpose = type.slice(0, 64).split(':')[0] as string
    if (PURPOSES.has(purpose)) tags.push(tacticTag(purpose.replace(/(?<=[a-z])(?=[A-Z])/g, ' ')))
    // `TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled`
    const [kind, tactic] = type.slice(0, 256).split('/')
    if (kind === 'TTPs' && tactic !== undefined) tags.push(tacticTag(tactic))
  }
  const attacks = attacksOf(tags)
  return attacks.length === 0 ? undefined : attacks
}

function tacticTag(name: string): string {
  return `mitre_${name.trim().toLowerCase().replaceAll(' ', '_')}`
}

/** Technique ids in a text (`T1562.008 - Impair Defenses`). */
export function techniquesIn(text: string | undefined): string[] {
  if (text === undefined) return []
  return [...new Set(text.slice(0, 10_000).match(/\bT\d{4}(?:\.\d{3})?\b/g) ?? [])]
}
