import { ocsfSchema } from '../../ocsf/schema.js'

const known = new Map<number, ReadonlyMap<string, string>>()

/** The profiles whose attributes an event uses: OCSF wants them named in `metadata.profiles`. */
export function profilesOf(class_uid: number, event: object): string[] | undefined {
  const profiles = new Set<string>()
  const attributes = attributesOf(class_uid)
  for (const name of Object.keys(event)) {
    const profile = attributes.get(name)
    if (profile !== undefined) profiles.add(profile)
  }
  return profiles.size === 0 ? undefined : [...profiles].sort()
}

function attributesOf(class_uid: number): ReadonlyMap<string, string> {
  const found = known.get(class_uid)
  if (found) return found
  const attributes = new Map<string, string>()
  for (const { name, profile } of ocsfSchema().classes.get(class_uid)?.attributes.values() ?? []) {
    if (profile !== undefined) attributes.set(name, profile)
  }
  known.set(class_uid, attributes)
  return attributes
}
