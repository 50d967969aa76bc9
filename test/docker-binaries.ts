import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../core/paths.js'
import { debianLibraries, onPath, unpackDebian } from './stack/debian.js'

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
  const libraries = await debianLibraries(root)
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

/** The engine's programs, and the `iptables` links that are made when its package is installed. */
async function unpack(folder: string): Promise<void> {
  await unpackDebian(folder, PACKAGES, async (fresh) => {
    // The engine needs iptables inside the containers' network namespaces, for its name service; legacy tables are there
    // in more kernels of test machines than nft.
    await mkdir(join(fresh, 'bin'))
    for (const name of ['iptables', 'ip6tables']) {
      await symlink('../root/usr/sbin/xtables-legacy-multi', join(fresh, 'bin', name))
    }
  })
}

async function isStatic(program: string): Promise<boolean> {
  // ldd fails on a program that needs no libraries.
  return run('ldd', [program]).then(
    () => false,
    () => true,
  )
}
