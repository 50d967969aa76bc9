/** An object that a message is about. */
export type ObjectName = { readonly bucket: string; readonly key: string }

type Node = { readonly [key: string]: unknown }

/**
 * The new objects that a message names: S3's own notification, wrapped by SNS or not, or EventBridge's. An empty list for
 * S3's test message and for removed objects; undefined if the text is none of these.
 */
export function objectsOf(body: string | undefined): ObjectName[] | undefined {
  const message = parse(body)
  if (message === undefined) return undefined
  if (typeof message.Message === 'string') return objectsOf(message.Message)
  if (message.Event === 's3:TestEvent') return []
  if (isNode(message.detail)) {
    const { bucket, object } = message.detail
    return named(bucket, object, false)
  }
  if (!Array.isArray(message.Records)) return undefined
  return message.Records.flatMap((record: unknown) => {
    if (!isNode(record) || !isNode(record.s3)) return []
    if (typeof record.eventName === 'string' && !record.eventName.includes('ObjectCreated')) return []
    return named(record.s3.bucket, record.s3.object, true) ?? []
  })
}

function parse(body: string | undefined): Node | undefined {
  try {
    const message = JSON.parse(body ?? '') as unknown
    return isNode(message) ? message : undefined
  } catch {
    return undefined
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function named(bucket: unknown, object: unknown, is_encoded: boolean): ObjectName[] | undefined {
  if (!isNode(bucket) || typeof bucket.name !== 'string' || !isNode(object) || typeof object.key !== 'string')
    return undefined
  return [{ bucket: bucket.name, key: is_encoded ? decoded(object.key) : object.key }]
}

/** S3 writes keys as in a query: `a+b%3Dc`. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
