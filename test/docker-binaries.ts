import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../core/paths.js'

const run = promisify(execFile)

/** Where the engine's programs are, and the environment they need. */
export type DockerBinaries = {
  readonly dockerd: string
  /** A busybox without library dependencies: the only program in the test images. */
  readonly busybox: string
  readonly env: NodeJS.ProcessEnv
}

const PACKAGES = ['docker.io', 'containerd', 'runc', 'iptables', 'busybox-static']

/** True if `dockerBinaries` can find or fetch what it needs here. */
export function canFindDocker(): boolean {
  const unpacked = existsSync(join(packageRoot, '.stack', 'docker', 'bin', 'iptables'))
  const installed = onPath('dockerd') !== undefined && onPath('busybox') !== undefined
  return unpacked || installed || onPath('apt-get') !== undefined
}

/**
 * Finds `dockerd` and a static busybox on PATH, or unpacks Debian's packages below `.stack/docker` (downloaded once;
 * nothing is installed). Throws with what to do where neither works.
 */
export async function dockerBinaries(): Promise<DockerBinaries> {
  const folder = join(packageRoot, '.stack', 'docker')
  const dockerd = onPath('dockerd')
  const busybox = onPath('busybox')
  if (dockerd && busybox && (await isStatic(busybox))) return { dockerd, busybox, env: process.env }
  if (!existsSync(join(folder, 'bin', 'iptables'))) {
    await unpack(folder).catch((cause) => {
      throw new Error(`cannot fetch ${PACKAGES.join(', ')} with apt-get: install Docker and busybox-static by hand`, {
        cause,
      })
    })
  }
  const root = join(folder, 'root')
  const own = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((part) => join(root, part))
  const libraries = [...(await libraryFolders(join(root, 'usr', 'lib'))), ...(await libraryFolders(join(root, 'lib')))]
  return {
    dockerd: dockerd ?? join(root, 'usr/sbin/dockerd'),
    busybox: existsSync(join(root, 'usr/bin/busybox')) ? join(root, 'usr/bin/busybox') : join(root, 'bin/busybox'),
    env: dockerd
      ? process.env
      : {
          ...process.env,
          PATH: [join(folder, 'bin'), ...own, process.env.PATH].join(delimiter),
          LD_LIBRARY_PATH: libraries.join(delimiter),
          XTABLES_LIBDIR: libraries.map((library) => join(library, 'xtables')).join(delimiter),
        },
  }
}

/** Downloads the packages with whatever they need that is not installed here, and unpacks them into a folder of our own. */
async function unpack(folder: string): Promise<void> {
  const fresh = `${folder}.${process.pid}`
  const debs = join(fresh, 'debs')
  await mkdir(join(debs, 'partial'), { recursive: true })
  const apt = ['-y', '-q', '--no-install-recommends', '--download-only', '--reinstall', 'install', ...PACKAGES]
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
  // The packages' own `iptables` link is made when they are installed. The engine needs it inside the containers'
  // network namespaces, for its name service; legacy tables are there in more kernels of test machines than nft.
  await mkdir(join(fresh, 'bin'))
  for (const name of ['iptables', 'ip6tables']) {
    await symlink('../root/usr/sbin/xtables-legacy-multi', join(fresh, 'bin', name))
  }
  await writeFile(
    join(fresh, 'README'),
    `Unpacked from the packages ${PACKAGES.join(', ')}; delete this folder to fetch them again.\n`,
  )
  await chmod(fresh, 0o755)
  // Two test files may do this at once: the first one wins.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
}

async function libraryFolders(below: string): Promise<string[]> {
  const entries = await readdir(below).catch(() => [])
  return entries.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(below, name))
}

async function isStatic(program: string): Promise<boolean> {
  // ldd fails on a program that needs no libraries.
  return run('ldd', [program]).then(
    () => false,
    () => true,
  )
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
