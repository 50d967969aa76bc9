import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/paths.js'

const run = promisify(execFile)
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const FETCH_WITHIN_MS = 300_000

/** The first file of this name in the folders of PATH. */
export function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

export type MavenArtifacts = {
  /** Folder below `.stack`, with the version in it. */
  readonly folder: string
  /** `group:artifact:version`; what they need at run time comes with them. */
  readonly coordinates: readonly string[]
  /** Where the files had these checksums when the version was pinned: `sha256  file` a line, beside this file. */
  readonly checksums: string
}

/** Folder of the jars of some Maven artifacts: fetched once, each with its pinned checksum. Needs `mvn` the first time only. */
export async function fetchMaven(artifacts: MavenArtifacts): Promise<string> {
  const folder = join(packageRoot, '.stack', artifacts.folder)
  if (existsSync(folder)) return folder
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  try {
    await writeFile(join(fresh, 'pom.xml'), pomOf(artifacts.coordinates))
    const options = [`-DoutputDirectory=${fresh}`, '-DincludeScope=runtime']
    await run('mvn', ['-B', '-q', COPY_DEPENDENCIES, ...options], { cwd: fresh, timeout: FETCH_WITHIN_MS })
    await check(fresh, join(packageRoot, 'test', 'stack', artifacts.checksums))
    // Two test files may do this at once: the first one wins.
    await rename(fresh, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}

function pomOf(coordinates: readonly string[]): string {
  const dependencies = coordinates.map((coordinate) => {
    const [group, artifact, version] = coordinate.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>weir</groupId><artifactId>stack</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>${dependencies.join('\n')}</dependencies></project>
`
}

async function check(folder: string, checksums: string) {
  const expected = new Map(
    readFileSync(checksums, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).reverse() as [string, string]),
  )
  const problems: string[] = []
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.jar')) continue
    const found = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex')
    if (expected.get(name) !== found) problems.push(`${name} has the sha256 ${found}, not ${expected.get(name)}`)
    expected.delete(name)
  }
  for (const name of expected.keys()) problems.push(`${name} is missing`)
  if (problems.length > 0) throw new Error(`what was fetched is not what was pinned:\n${problems.join('\n')}`)
}
