import { readFileSync } from 'node:fs'
import type { DockerApi } from '../core/docker-api.js'

const IMAGE = 'weir-test:1'
const APPLETS = [
  'sh',
  'sleep',
  'nc',
  'nslookup',
  'httpd',
  'ip',
  'cat',
  'ls',
  'touch',
  'true',
  'false',
  'yes',
  'dd',
  'ping',
]

/** Imports an image that holds one static busybox and nothing else; resolves with its name. No registry is asked. */
export async function busyboxImage(api: DockerApi, busybox: string): Promise<string> {
  await importImage(api, IMAGE, [
    { path: 'bin/', mode: 0o755 },
    { path: 'tmp/', mode: 0o777 },
    { path: 'www/', mode: 0o755 },
    { path: 'bin/busybox', mode: 0o755, data: readFileSync(busybox) },
    { path: 'www/index.html', mode: 0o644, data: Buffer.from('hello from weir-test\n') },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' })),
  ])
  return IMAGE
}

/** Imports an image of these files; no registry is asked. */
export async function importImage(api: DockerApi, image: string, entries: readonly Entry[]): Promise<void> {
  const [repo = '', tag = ''] = image.split(':')
  await api.request('POST', '/images/create', {
    query: { fromSrc: '-', repo, tag },
    body: archive(entries),
    timeout_ms: 120_000,
  })
}

/** A file, a folder (its path ends with a slash) or a symbolic link of an image. */
export type Entry = { path: string; mode: number; data?: Buffer; link?: string }

/** A ustar archive: 512-byte headers, data padded to 512 bytes, two empty blocks at the end. */
function archive(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, mode, data = Buffer.alloc(0), link = '' }) => {
    const header = Buffer.alloc(512)
    const octal = (value: number, at: number, length: number) =>
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
    header.write(path, 0, 100)
    octal(mode, 100, 8)
    octal(0, 108, 8)
    octal(0, 116, 8)
    octal(data.length, 124, 12)
    octal(0, 136, 12)
    header.write(link ? '2' : path.endsWith('/') ? '5' : '0', 156)
    header.write(link, 157, 100)
    header.write('ustar\x0000', 257)
    header.fill(' ', 148, 156)
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      7,
    )
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
