import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { attack, quietNight } from './attack.js'
import { engineStart, minute } from './normal.js'
import { seeded } from './random.js'
import { DAY, MINUTE, START } from './world.js'

/** One recorded record: when it arrived, in which wire format, and the record itself. */
export type Line = { time: number; format: 'ocsf' | 'cloudtrail' | 'docker_events'; data: object }

export type Recording = { normal: Line[]; attack: Line[] }

/** Where the recording is kept, from the package root. */
export const RECORDING = join('demo', 'recording.jsonl.gz')

/** Plays the scene and writes it down, in order of arrival: one JSON object a line, with the part it belongs to. */
export function record(): string {
  const random = seeded(20260112)
  const lines: (Line & { part: keyof Recording })[] = []
  const say = (part: keyof Recording) => (line: Line) => void lines.push({ part, ...line })
  engineStart(random, START, say('normal'))
  for (let time = START; time < START + DAY; time += MINUTE) minute(random, time, say('normal'))
  quietNight(random, say('attack'))
  attack(random, say('attack'))
  lines.sort((a, b) => (a.part === b.part ? a.time - b.time : a.part === 'normal' ? -1 : 1))
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
}

/** Reads the committed recording. `edit` may rewrite its text first, e.g. to put a real container's id in. */
export function readRecording(edit: (text: string) => string = (text) => text): Recording {
  const text = edit(gunzipSync(readFileSync(join(packageRoot, RECORDING))).toString('utf8'))
  const recording: Recording = { normal: [], attack: [] }
  for (const line of text.split('\n')) {
    if (line === '') continue
    const { part, ...rest } = JSON.parse(line) as Line & { part: keyof Recording }
    recording[part].push(rest)
  }
  return recording
}
