/** A JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** An object whose attributes OCSF (or our extension) names; values not listed by a type below are plain JSON. */
export type JsonObject = { [key: string]: Json }

/** The three kinds of workload Weir watches. */
export type WorkloadKind = 'vm' | 'container' | 'function'

/**
 * The key of everything: what the event is about. Our OCSF extension (docs/ocsf-extension.md).
 * Build it with the functions in ocsf/workload.ts, never by hand.
 */
export type Workload = {
  kind: WorkloadKind
  /** Stable identity of this instance, e.g. `container/3f2a9c0d11ee`. Also the Kafka key. */
  uid: string
  /** What a person calls it. */
  name: string
  /** What it should behave like: image digest or name for a container, function name + version, role or image for a VM. */
  group: string
  provider?: string
  account?: string
  region?: string
  cluster?: string
  namespace?: string
  image?: string
  version?: string
  labels?: { [key: string]: string }
}

export type Metadata = {
  version: string
  product: {
    name?: string
    vendor_name?: string
    version?: string
    feature?: { name?: string }
    [key: string]: unknown
  }
  /** Deterministic: the same source record gives the same uid. Time-ordered where Weir makes it (ocsf/uid.ts). */
  uid?: string
  /** The source's own name of the event type. */
  event_code?: string
  log_name?: string
  log_provider?: string
  original_time?: string
  /** When the source wrote it and when Weir received it, ms since 1970. */
  logged_time?: number
  processed_time?: number
  profiles?: string[]
  labels?: string[]
  [key: string]: unknown
}

/**
 * One OCSF event as it travels on the bus. Only what every class shares is typed here; the rest is checked by
 * the validator built from the schema (ocsf/validate.ts). Treat it as frozen once published.
 */
export type OcsfEvent = {
  class_uid: number
  class_name?: string
  category_uid: number
  category_name?: string
  activity_id: number
  activity_name?: string
  type_uid: number
  type_name?: string
  /** Event time, ms since 1970. */
  time: number
  severity_id: number
  severity?: string
  status_id?: number
  status?: string
  message?: string
  metadata: Metadata
  workload?: Workload
  /** The source record as text, if it is not the event itself. */
  raw_data?: string
  /** Every field of the source record that has no OCSF home. */
  unmapped?: { [key: string]: unknown }
  // biome-ignore lint/suspicious/noExplicitAny: OCSF attributes differ by class; the validator, not the type, checks them
  [attribute: string]: any
}

/** What a format writes: `finish` (ocsf/finish.ts) derives names, type_uid, metadata.version, uid and workload defaults. */
export type EventDraft = Omit<OcsfEvent, 'category_uid' | 'type_uid' | 'metadata' | 'time'> & {
  /** Absent if the source record has no time that can be read: then it is the time of receipt. */
  time?: number
  metadata?: Partial<Metadata>
}

/** Class numbers used in code. The full table is ocsf/schema.json. */
export const CLASS = {
  file_activity: 1001,
  kernel_extension_activity: 1002,
  kernel_activity: 1003,
  memory_activity: 1004,
  module_activity: 1005,
  scheduled_job_activity: 1006,
  process_activity: 1007,
  event_log_activity: 1008,
  script_activity: 1009,
  vulnerability_finding: 2002,
  compliance_finding: 2003,
  detection_finding: 2004,
  account_change: 3001,
  authentication: 3002,
  authorize_session: 3003,
  entity_management: 3004,
  user_access: 3005,
  group_management: 3006,
  network_activity: 4001,
  http_activity: 4002,
  dns_activity: 4003,
  ssh_activity: 4007,
  inventory_info: 5001,
  user_inventory: 5003,
  software_info: 5020,
  cloud_resources_inventory: 5023,
  evidence_info: 5040,
  application_lifecycle: 6002,
  api_activity: 6003,
  datastore_activity: 6005,
  application_error: 6008,
  remediation_activity: 7001,
  /** Weir's extension (uid 999): what a container engine did. */
  container_lifecycle: 99906001,
  /** Weir's extension: is a source alive, what did it lose. */
  coverage: 99906002,
  /** Weir's extension: an input that could not become an event. */
  dead_letter: 99906003,
  /** Weir's extension: numeric measurements of one workload at one time. */
  workload_metric: 99905001,
} as const
