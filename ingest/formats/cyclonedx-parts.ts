import { isObject, type JsonRecord } from './fields.js'
import { repeated, without } from './sbom-parts.js'
import { chunksOf, textOf } from './software-report.js'

/** A component with what the rest of the inventory says about it. */
export type Listed = JsonRecord & { component: JsonRecord; dependency_of?: string; depends_on?: unknown }

const MAX_AFFECTED = 64
const NESTED = new Set(['components'])
const TAKEN_APART = new Set(['components', 'dependencies', 'vulnerabilities'])
const NAMED = ['bom-ref', 'type', 'group', 'name', 'version', 'purl'] as const

/**
 * The parts of a CycloneDX inventory: up to 500 components each, and each vulnerability with the components it affects.
 * The first part has what the inventory says besides; the others repeat only what names it.
 */
export function bomParts(bom: JsonRecord): readonly unknown[] {
  const whole = without(bom, TAKEN_APART)
  const named = nameOf(bom)
  const components = flattened(bom.components)
  const root = isObject(bom.metadata) && isObject(bom.metadata.component) ? bom.metadata.component : undefined
  const byRef = new Map<string, JsonRecord>()
  for (const one of [...(root ? [root] : []), ...components]) {
    const ref = textOf(one['bom-ref'])
    if (ref !== undefined) byRef.set(ref, one)
  }
  const { dependsOn, dependantOf } = dependenciesOf(bom.dependencies)
  const listed = components.map((component) => {
    const ref = textOf(component['bom-ref'])
    const dependant = ref === undefined ? undefined : dependantOf.get(ref)
    const entry: Listed = { component: without(component, NESTED) }
    if (dependant !== undefined) entry.dependency_of = textOf(byRef.get(dependant)?.purl) ?? dependant
    if (ref !== undefined && dependsOn.has(ref)) entry.depends_on = dependsOn.get(ref)
    return entry
  })
  const inventory = chunksOf(listed).map((chunk, n) => ({ bom: n === 0 ? whole : named, components: chunk }))
  const weaknesses = (Array.isArray(bom.vulnerabilities) ? bom.vulnerabilities : []).map((vulnerability) => ({
    bom: named,
    vulnerability,
    affected: affectedOf(vulnerability, byRef),
  }))
  return [...inventory, ...weaknesses]
}

/** What tells the inventory from others: its number, tool, time and the component it is about. */
function nameOf(bom: JsonRecord): JsonRecord {
  const metadata = isObject(bom.metadata) ? bom.metadata : {}
  const { tools } = metadata
  const listed: unknown = isObject(tools) ? tools.components : tools
  const first = (Array.isArray(listed) ? listed : []).slice(0, 1)
  return {
    ...repeated(bom, ['bomFormat', 'specVersion', 'serialNumber', 'version']),
    metadata: {
      ...repeated(metadata, ['timestamp']),
      tools: first.map((tool) => repeated(tool, ['vendor', 'publisher', 'name', 'version']) ?? {}),
      ...(isObject(metadata.component) ? { component: repeated(metadata.component, NAMED) } : {}),
    },
  }
}

/** Components and the components inside them, in the order of the inventory, however deep they are. */
function flattened(list: unknown): JsonRecord[] {
  const result: JsonRecord[] = []
  const waiting: unknown[][] = Array.isArray(list) ? [list.toReversed()] : []
  for (let level = waiting.at(-1); level !== undefined; level = waiting.at(-1)) {
    const one = level.pop()
    if (level.length === 0) waiting.pop()
    if (!isObject(one)) continue
    result.push(one)
    if (Array.isArray(one.components) && one.components.length > 0) waiting.push(one.components.toReversed())
  }
  return result
}

function dependenciesOf(list: unknown) {
  const dependsOn = new Map<string, unknown>()
  const dependantOf = new Map<string, string>()
  for (const entry of Array.isArray(list) ? list : []) {
    const ref = isObject(entry) ? textOf(entry.ref) : undefined
    if (ref === undefined || !Array.isArray(entry.dependsOn) || entry.dependsOn.length === 0) continue
    dependsOn.set(ref, entry.dependsOn)
    for (const other of entry.dependsOn) {
      if (typeof other === 'string' && !dependantOf.has(other)) dependantOf.set(other, ref)
    }
  }
  return { dependsOn, dependantOf }
}

function affectedOf(vulnerability: unknown, byRef: ReadonlyMap<string, JsonRecord>): unknown[] {
  const affects = isObject(vulnerability) && Array.isArray(vulnerability.affects) ? vulnerability.affects : []
  return affects.slice(0, MAX_AFFECTED).flatMap((one) => {
    const ref = isObject(one) ? textOf(one.ref) : undefined
    // A reference into another inventory is a BOM-Link, `urn:cdx:NUMBER/VERSION#REF`.
    const found = ref === undefined ? undefined : (byRef.get(ref) ?? byRef.get(ref.slice(ref.lastIndexOf('#') + 1)))
    return found === undefined ? [] : [repeated(found, NAMED)]
  })
}
