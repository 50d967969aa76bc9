import { awsTime } from './aws.js'
import { wordOf } from './aws-access-row.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'

/** The process of a runtime finding, with its ancestors, as OCSF's process; undefined for other findings. */
export function runtimeProcess(details: Fields | undefined): JsonRecord | undefined {
  const process = details?.object('process')
  if (!process) return undefined
  const context = details?.object('context')
  const result = processOf(process)
  if (result === undefined) return undefined
  const ancestors = ancestorsOf(process)
  const [parent] = ancestors
  return defined({
    ...result,
    cmd_line: context?.text('commandLineExample'),
    parent_process: parent,
    lineage: pathsOf(ancestors),
  })
}

function ancestorsOf(process: Fields): JsonRecord[] {
  const found: JsonRecord[] = []
  for (const [n, entry] of (process.list('lineage') ?? []).slice(0, 32).entries()) {
    const ancestor = isObject(entry) ? processOf(process.element('lineage', n, entry)) : undefined
    if (ancestor) found.push(ancestor)
  }
  return found
}

function pathsOf(ancestors: readonly JsonRecord[]): string[] | undefined {
  const paths = ancestors.map(({ path }) => path).filter((path): path is string => typeof path === 'string')
  return paths.length === 0 ? undefined : paths
}

function processOf(process: Fields): JsonRecord | undefined {
  const pid = process.number('pid')
  const uid = process.text('uuid')
  if (pid === undefined && uid === undefined) return undefined
  const path = process.text('executablePath')
  const sha256 = process.text('executableSha256')
  const user = process.text('user')
  const user_id = wordOf(process.any('userId'))
  const started = process.any('startTime')
  return defined({
    pid,
    uid,
    name: process.text('name'),
    path,
    namespace_pid: process.number('namespacePid'),
    working_directory: process.text('pwd'),
    created_time: awsTime(started),
    user: user === undefined && user_id === undefined ? undefined : defined({ name: user, uid: user_id }),
    file:
      path === undefined
        ? undefined
        : defined({
            name: path.slice(path.lastIndexOf('/') + 1) || path,
            path,
            type_id: 1,
            hashes: sha256 === undefined ? undefined : [{ algorithm_id: 3, algorithm: 'SHA-256', value: sha256 }],
          }),
  })
}

/** What a malware scan found, as OCSF's malware list. */
export function malwareOf(service: Fields): JsonRecord[] | undefined {
  const found: JsonRecord[] = []
  const add = (name: string | undefined, path: string | undefined, num: number | undefined) => {
    if (name !== undefined) found.push(defined({ name, classification_ids: [0], path, num_infected: num }))
  }
  const scan = service.object('malwareScanDetails')
  for (const [n, entry] of (scan?.list('threats') ?? []).slice(0, 64).entries()) {
    if (!isObject(entry) || !scan) continue
    const threat = scan.element('threats', n, entry)
    const [first] = threat.list('itemPaths') ?? []
    const path = isObject(first) && typeof first.nestedItemPath === 'string' ? first.nestedItemPath : undefined
    add(threat.text('name'), path, undefined)
  }
  const names = service.object('ebsVolumeScanDetails')?.object('scanDetections')?.object('threatDetectedByName')
  for (const [n, entry] of (names?.list('threatNames') ?? []).slice(0, 64).entries()) {
    if (!isObject(entry) || !names) continue
    const threat = names.element('threatNames', n, entry)
    const [first] = threat.list('filePaths') ?? []
    const path = isObject(first) && typeof first.filePath === 'string' ? first.filePath : undefined
    add(threat.text('name'), path, threat.number('itemCount'))
  }
  return found.length === 0 ? undefined : found
}
