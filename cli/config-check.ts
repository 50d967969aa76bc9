import { join } from 'node:path'
import type { z } from 'zod'
import { WeirError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import { detectors } from '../detectors/index.js'
import { actions } from '../responders/actions/index.js'
import { checkActions, loadPlaybooks, type Playbook } from '../responders/playbook.js'
import type { WeirConfig } from './config.js'

/**
 * Looks at everything that a configuration points to: rules, playbooks, params of actions. Throws `config_invalid` with
 * every problem at once.
 */
export function checkReferences(config: WeirConfig): void {
  const problems = [
    ...detectorProblems(config.detectors),
    ...paramProblems(config.responders.actions),
    ...playbookProblems(config.responders),
  ]
  if (problems.length === 0) return
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new WeirError('config_invalid', `${count} in what the configuration points to\n  ${problems.join('\n  ')}`)
}

/** The playbooks that the configuration names. Throws `config_invalid` naming file, line and field. */
export function configuredPlaybooks(config: WeirConfig['responders']): Playbook[] {
  return loadPlaybooks([
    ...(config.builtin_playbooks ? [join(packageRoot, 'responders', 'playbooks', 'builtin')] : []),
    ...config.playbooks,
  ])
}

function detectorProblems(configured: WeirConfig['detectors']): string[] {
  return Object.entries(configured).flatMap(([instance, { type, ...rest }]) =>
    problemOf(`detectors.${instance}`, () => detectors.find(type as string).check?.(rest as never)),
  )
}

/** Params that a step of a playbook may still override: what is there must be right, what is missing may come. */
function paramProblems(configured: WeirConfig['responders']['actions']): string[] {
  return Object.entries(configured).flatMap(([name, params]) => {
    const issues = actions.find(name).config.safeParse(params).error?.issues ?? []
    return issues
      .filter((issue) => !isMissing(issue, params))
      .map((issue) => `responders.actions.${[name, ...issue.path].join('.')}: ${issue.message}`)
  })
}

function isMissing(issue: z.core.$ZodIssue, params: unknown): boolean {
  let found = params
  for (const key of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key]
  return issue.code === 'invalid_type' && found === undefined
}

function playbookProblems(config: WeirConfig['responders']): string[] {
  let playbooks: Playbook[] = []
  const unread = problemOf('responders.playbooks', () => {
    playbooks = configuredPlaybooks(config)
  })
  return [
    ...unread,
    ...playbooks.flatMap((playbook) =>
      problemOf('responders.playbooks', () =>
        checkActions({ playbooks: [playbook], actions, action_params: config.actions }),
      ),
    ),
  ]
}

function problemOf(path: string, look: () => void): string[] {
  try {
    look()
    return []
  } catch (error) {
    if (!(error instanceof WeirError)) throw error
    return [`${path}: ${error.message.replaceAll('\n', '\n    ')}`]
  }
}
