import { z } from 'zod'
import { defineAction } from '../contract.js'

/** Writes one structured line a response: the action that always works. */
export const log = defineAction({
  name: 'log',
  summary: 'Write a structured log line about the finding',
  config: z.strictObject({
    level: z.enum(['info', 'warn', 'error']).default('warn').describe('Log level of the line.'),
  }),
  example: { level: 'warn' },
  permissions: [],
  targets: ['vm', 'container', 'function'],
  reversible: false,
  stops_traffic: false,
  create(params, deps) {
    const titles = (findings: readonly { message?: string }[]) => findings.map((finding) => finding.message ?? '')
    return {
      async plan({ workload, findings }) {
        return {
          steps: [`Write a log line: ${findings.length} finding(s) about ${workload.name}.`],
          undo_steps: [],
          pre_image: null,
        }
      },
      async execute({ response_uid, workload, findings, playbook }) {
        deps.log[params.level](
          { response_uid, playbook, workload: workload.uid, findings: titles(findings) },
          'weir response',
        )
      },
      async verify() {
        return { ok: true, evidence: 'The line was written.' }
      },
    }
  },
})
