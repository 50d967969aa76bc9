import { registry } from '../../core/define.js'
import type { CollectorDefinition } from '../contract.js'
import { auditd } from './auditd.js'
import { awsS3 } from './aws_s3.js'
import { docker } from './docker.js'
import { file } from './file.js'
import { gcpPubsub } from './gcp_pubsub.js'
import { host } from './host.js'
import { http } from './http.js'
import { journald } from './journald.js'
import { kafka } from './kafka.js'
import { kubernetes } from './kubernetes.js'

/** Every collector. To add one: one file here and one line below. */
export const collectors = registry<CollectorDefinition>('collector', [
  host,
  auditd,
  journald,
  docker,
  file,
  http,
  kafka,
  kubernetes,
  awsS3,
  gcpPubsub,
])
