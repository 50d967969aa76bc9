import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { formats } from '../../formats/index.js'
import type { AwsClient } from './client.js'
import type { AwsS3Config } from './config.js'
import { objectFault } from './faults.js'
import type { ObjectName } from './notification.js'
import { faultyObject, recordsOf } from './object.js'

const CHUNK_RECORDS = 1_000

/**
 * Reads objects: resolves when all records of one are durable. An object that no try will read is a dead letter with the
 * reason and a loss that coverage tells, so that it blocks none behind it; what passes is thrown.
 */
export function objectReader(aws: AwsClient, config: AwsS3Config, deps: CollectorDeps, signal: AbortSignal) {
  const definition = formats.find(config.format)

  async function recordsAt({ bucket, key }: ObjectName): Promise<RawRecord[]> {
    const source = `s3://${bucket}/${key}`
    try {
      const { bytes, length, etag } = await aws.get(bucket, key)
      const version = `${source}@${etag}`
      if (length <= config.max_object_bytes) {
        return await recordsOf(await bytes(), version, config.max_object_bytes, definition)
      }
      const detail = `${length} bytes, at most ${config.max_object_bytes} are read (max_object_bytes)`
      return [faultyObject(version, 'object_too_large', detail)]
    } catch (error) {
      const fault = objectFault(error)
      if (fault === undefined) throw error
      return [faultyObject(source, fault.reason, fault.detail)]
    }
  }

  return async (object: ObjectName) => {
    const records = await recordsAt(object)
    for (let from = 0; from < records.length; from += CHUNK_RECORDS) {
      await emitUntilTaken(deps, config.format, records.slice(from, from + CHUNK_RECORDS), signal)
    }
    const fault = records[0]?.fault
    if (fault) {
      const message = `An object was not read, and is a dead letter (${fault.reason}): ${fault.detail}.`
      deps.coverage({ part: 'objects', status: 'degraded', message, lost: 1 })
    }
  }
}

export type ObjectReader = ReturnType<typeof objectReader>
