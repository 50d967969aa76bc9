import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../core/config.js'
import type { Registry } from '../core/define.js'
import { messageOf, WeirError } from '../core/errors.js'
import type { ActionDefinition } from './contract.js'

const globs = (what: string) => z.array(z.string().min(1)).default([]).describe(what)

const match = z
  .strictObject({
    kinds: z
      .array(z.enum(['vm', 'container', 'function']))
      .default([])
      .describe('Kinds of workload; empty: all.'),
    workloads: globs('Globs on the name, uid or group of the workload; empty: all.'),
    rules: globs('Globs on the rule of the finding (`first_seen_process`, a Sigma id); empty: all.'),
    families: z
      .array(z.enum(['rules', 'profile', 'anomaly', 'posture']))
      .default([])
      .describe('Evidence families; empty: all.'),
    techniques: z
      .array(z.string().regex(/^T\d{4}(\.\d{3})?$/, 'expected a MITRE ATT&CK technique such as T1496'))
      .default([])
      .describe(
        'MITRE ATT&CK techniques, one of which the finding must name; a technique includes its sub-techniques.',
      ),
    min_severity: z
      .enum(['informational', 'low', 'medium', 'high', 'critical'])
      .default('high')
      .describe('Lowest severity of a finding that starts this playbook.'),
  })
  .describe('Which findings start this playbook. All conditions must hold.')
  .prefault({})

const verify = z
  .strictObject({
    families: z
      .number()
      .int()
      .min(1)
      .max(4)
      .default(2)
      .describe('Independent evidence families that must agree about the workload; a person may stand in for them.'),
    window_ms: z
      .number()
      .int()
      .min(1_000)
      .default(1_800_000)
      .describe('They must agree within this time, ms of event time.'),
    coverage: z
      .boolean()
      .default(true)
      .describe('Whether the workload must be seen without gaps, because no data is not no anomaly.'),
  })
  .describe('What makes a finding certain enough to act on.')
  .prefault({})

const guard = z
  .strictObject({
    protect: globs('Globs on name, uid or group of workloads that are never touched.'),
    protect_labels: z
      .record(z.string(), z.string())
      .default({ 'weir.protect': 'true' })
      .describe('Labels of workloads that are never touched.'),
    max_per_hour: z.number().int().min(1).default(5).describe('Times this playbook may act in an hour.'),
    max_peer_share: z
      .number()
      .min(0)
      .max(1)
      .default(0.34)
      .describe('Share of a workload group that may be down at once because of us; one may always be.'),
    quiet_hours: z
      .array(z.string().regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM-HH:MM'))
      .default([])
      .describe('UTC times of day in which nothing is done without a person.'),
  })
  .describe('What must not be shut.')
  .prefault({})

/** A playbook: what to do about which findings, and under which conditions. */
export const playbookSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'expected a name of a-z, 0-9 and -')
    .describe('Unique name.'),
  summary: z.string().min(1).describe('One sentence.'),
  match,
  verify,
  guard,
  approve: z
    .enum(['never', 'always', 'unless_critical'])
    .default('always')
    .describe('When a person must say yes before anything is changed. Reversible actions only should use `never`.'),
  actions: z
    .array(
      z.strictObject({
        action: z.string().describe('Name of an action.'),
        params: z.record(z.string(), z.unknown()).default({}).describe("The action's own fields."),
      }),
    )
    .min(1)
    .describe('What is done. Each action is a response of its own: planned, executed, verified and undone by itself.'),
  undo_after_ms: z
    .number()
    .int()
    .min(1_000)
    .nullable()
    .default(3_600_000)
    .describe('When a reversible action is taken back by itself, ms after it worked; null: only by a person.'),
})

export type Playbook = z.output<typeof playbookSchema>

/** Reads playbooks from files and folders (*.yml, *.yaml). Throws `config_invalid` naming file, line and field. */
export function loadPlaybooks(paths: readonly string[]): Playbook[] {
  const byName = new Map<string, Playbook>()
  const problems: string[] = []
  for (const file of paths.flatMap(filesOf)) {
    try {
      const playbook = parseConfig(readFileSync(file, 'utf8'), playbookSchema, { file })
      if (byName.has(playbook.name)) problems.push(`${file}: there is already a playbook named "${playbook.name}"`)
      byName.set(playbook.name, playbook)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  if (problems.length > 0) throw new WeirError('config_invalid', problems.join('\n'))
  return [...byName.values()]
}

/** Throws `config_invalid` if a playbook names an action that does not exist, or params it does not have. */
export function checkActions(config: {
  readonly playbooks: readonly Playbook[]
  readonly actions: Registry<ActionDefinition>
  readonly action_params: { readonly [action: string]: { readonly [field: string]: unknown } | undefined }
}) {
  for (const playbook of config.playbooks) {
    for (const { action, params } of playbook.actions) {
      const definition = config.actions.find(action)
      const result = definition.config.safeParse({ ...config.action_params[action], ...params })
      if (result.success) continue
      const issues = result.error.issues.map((issue) => `${issue.path.join('.') || '(params)'}: ${issue.message}`)
      throw new WeirError('config_invalid', `playbook ${playbook.name}, action ${action}: ${issues.join('; ')}`)
    }
  }
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (error) {
    throw new WeirError('config_invalid', `cannot read playbooks: ${messageOf(error)}`, { cause: error })
  }
}
