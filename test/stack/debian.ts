import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Downloads Debian packages with whatever they need that is not installed here, and unpacks them below `folder`/root:
 * nothing is installed, no root needed. `finish` completes the folder before others can see it.
 */
export async function unpackDebian(
  folder: string,
  packages: readonly string[],
  finish: (fresh: string) => Promise<void> = async () => {},
): Promise<void> {
  const fresh = `${folder}.${process.pid}`
  const debs = join(fresh, 'debs')
  await mkdir(join(debs, 'partial'), { recursive: true })
  const apt = ['-y', '-q', '--no-install-recommends', '--download-only', '--reinstall', 'install', ...packages]
  const options = ['-o', `Dir::Cache::archives=${debs}`, '-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root']
  const download = () => run('apt-get', [...options, ...apt], { timeout: 300_000 })
  await download().catch(async () => {
    await run('apt-get', ['-q', 'update'], { timeout: 300_000 })
    await download()
  })
  for (const file of await readdir(debs)) {
    if (file.endsWith('.deb')) await run('dpkg', ['-x', join(debs, file), join(fresh, 'root')], { timeout: 60_000 })
  }
  await rm(debs, { recursive: true })
  await finish(fresh)
  await writeFile(
    join(fresh, 'README'),
    `Unpacked from the packages ${packages.join(', ')}; delete this folder to fetch them again.\n`,
  )
  await chmod(fresh, 0o755)
  // Two test files may do this at once: the first one wins.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
}

/** Folders of shared libraries in an unpacked tree, for LD_LIBRARY_PATH. */
export async function debianLibraries(root: string): Promise<string[]> {
  const found = await Promise.all(
    [join(root, 'usr', 'lib'), join(root, 'lib')].map(async (below) => {
      const entries = await readdir(below).catch(() => [])
      return entries.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(below, name))
    }),
  )
  return found.flat()
}

/** Where a program is on PATH. */
export function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
