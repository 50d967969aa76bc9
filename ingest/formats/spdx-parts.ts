import { isObject, type JsonRecord } from './fields.js'
import { repeated, without } from './sbom-parts.js'
import { chunksOf, textOf } from './software-report.js'

const TAKEN_APART = new Set(['packages', 'files', 'relationships', 'documentDescribes'])

/**
 * The parts of an SPDX document: up to 500 packages or files each. The first part has what the document says besides;
 * the others repeat only what names it.
 */
export function spdxParts(document: JsonRecord): readonly unknown[] {
  const whole = without(document, TAKEN_APART)
  const { packages, files } = document
  const listed = (Array.isArray(packages) ? packages : []).filter(isObject)
  const relations = (Array.isArray(document.relationships) ? document.relationships : []).filter(isObject)
  const byId = new Map(listed.flatMap((one) => (typeof one.SPDXID === 'string' ? [[one.SPDXID, one] as const] : [])))
  const root = rootOf(document, relations, byId)
  const { dependantOf, relationsOf } = relationsBy(relations)
  const entries = listed
    .filter((one) => one !== root)
    .map((one) => {
      const id = textOf(one.SPDXID) ?? ''
      const dependant = dependantOf.get(id)
      const purl = purlOf(byId.get(dependant ?? '') ?? {})
      return {
        package: one,
        ...(dependant === undefined ? {} : { dependency_of: purl ?? dependant }),
        ...(relationsOf.has(id) ? { relationships: relationsOf.get(id) } : {}),
      }
    })
  const named = {
    ...repeated(document, ['spdxVersion', 'SPDXID', 'name', 'documentNamespace']),
    creationInfo: creationOf(document.creationInfo),
  }
  const described = root === undefined ? undefined : shortened(root)
  const about = (isFirst: boolean) =>
    isFirst
      ? { document: whole, ...(root === undefined ? {} : { described: root }) }
      : { document: named, ...(described === undefined ? {} : { described }) }
  const others = relations.filter(({ spdxElementId: from }) => {
    const one = typeof from === 'string' ? byId.get(from) : undefined
    return one === undefined || one === root
  })
  const parts: object[] = chunksOf(entries).map((chunk, n) => ({
    ...about(n === 0),
    packages: chunk,
    ...(n === 0 && others.length > 0 ? { relationships: others } : {}),
  }))
  if (Array.isArray(files) && files.length > 0) {
    for (const chunk of chunksOf(files)) parts.push({ ...about(false), files: chunk })
  }
  return parts
}

/** The package URL of a package. */
export function purlOf({ externalRefs }: JsonRecord): string | undefined {
  for (const one of Array.isArray(externalRefs) ? externalRefs.slice(0, 64) : []) {
    if (isObject(one) && one.referenceType === 'purl') return textOf(one.referenceLocator)
  }
  return undefined
}

/** The package the document describes, if it is one and not several. */
function rootOf(document: JsonRecord, relations: readonly JsonRecord[], byId: ReadonlyMap<string, JsonRecord>) {
  const ids = new Set<unknown>()
  // Two are several.
  const add = (id: unknown) => void (ids.size < 2 && ids.add(id))
  for (const id of Array.isArray(document.documentDescribes) ? document.documentDescribes : []) add(id)
  for (const { spdxElementId, relationshipType, relatedSpdxElement } of relations) {
    if (relationshipType === 'DESCRIBES' && spdxElementId === document.SPDXID) add(relatedSpdxElement)
    if (relationshipType === 'DESCRIBED_BY' && relatedSpdxElement === document.SPDXID) add(spdxElementId)
  }
  const [only, ...more] = ids
  return typeof only === 'string' && more.length === 0 ? byId.get(only) : undefined
}

function relationsBy(relations: readonly JsonRecord[]) {
  const dependantOf = new Map<string, string>()
  const relationsOf = new Map<string, JsonRecord[]>()
  for (const relation of relations) {
    const { spdxElementId: from, relationshipType: type, relatedSpdxElement: to } = relation
    if (typeof from !== 'string' || typeof to !== 'string') continue
    const list = relationsOf.get(from) ?? []
    relationsOf.set(from, list)
    list.push(relation)
    if (type === 'DEPENDS_ON' && !dependantOf.has(to)) dependantOf.set(to, from)
    if (type === 'DEPENDENCY_OF' && !dependantOf.has(from)) dependantOf.set(from, to)
  }
  return { dependantOf, relationsOf }
}

function creationOf(info: unknown): JsonRecord {
  const creators: unknown[] = isObject(info) && Array.isArray(info.creators) ? info.creators : []
  const tool = creators.slice(0, 32).find((one) => typeof one === 'string' && one.startsWith('Tool:'))
  return { ...repeated(info, ['created']), ...(typeof tool === 'string' ? { creators: [tool.slice(0, 280)] } : {}) }
}

function shortened(root: JsonRecord): JsonRecord {
  const list = (key: string, names: readonly string[]) =>
    (Array.isArray(root[key]) ? root[key] : []).slice(0, 4).map((one: unknown) => repeated(one, names) ?? {})
  return {
    ...repeated(root, ['SPDXID', 'name', 'versionInfo', 'primaryPackagePurpose']),
    externalRefs: list('externalRefs', ['referenceType', 'referenceLocator']),
    checksums: list('checksums', ['algorithm', 'checksumValue']),
  }
}
