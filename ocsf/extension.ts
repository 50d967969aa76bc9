import type { Attribute, ExtensionClass, ExtensionObject } from './table.js'

type Requirement = Attribute['requirement']
type Extra = Partial<Omit<Attribute, 'name' | 'type' | 'requirement'>>

function attribute(name: string, type: string, requirement: Requirement = 'optional', extra: Extra = {}): Attribute {
  return { name, type, requirement, ...extra }
}

function object(name: string, of: string, requirement: Requirement = 'optional', extra: Extra = {}): Attribute {
  return { name, type: 'object_t', object: of, requirement, ...extra }
}

const objects: readonly ExtensionObject[] = [
  {
    name: 'workload',
    caption: 'Workload',
    purpose: 'One identity for virtual machines, containers and serverless functions; on every event.',
    attributes: [
      attribute('kind', 'string_t', 'required', { values: ['vm', 'container', 'function'] }),
      attribute('uid', 'string_t', 'required'),
      attribute('name', 'string_t', 'required'),
      attribute('group', 'string_t', 'required'),
      attribute('provider', 'string_t'),
      attribute('account', 'string_t'),
      attribute('region', 'string_t'),
      attribute('cluster', 'string_t'),
      attribute('namespace', 'string_t'),
      attribute('image', 'string_t'),
      attribute('version', 'string_t'),
      attribute('labels', 'string_map_t'),
    ],
  },
  {
    name: 'container_network',
    caption: 'Container Network',
    purpose: 'A network of a container engine, and how the container is attached to it.',
    at_least_one: ['name', 'uid'],
    attributes: [
      attribute('name', 'string_t'),
      attribute('uid', 'string_t'),
      attribute('driver', 'string_t'),
      attribute('ip', 'ip_t'),
      attribute('mac', 'mac_t'),
      attribute('aliases', 'string_t', 'optional', { array: true }),
    ],
  },
  {
    name: 'api_exposure',
    caption: 'API Exposure',
    purpose: 'How the interface of a container engine can be reached, and by whom.',
    attributes: [
      attribute('address', 'string_t', 'required'),
      attribute('ip', 'ip_t'),
      attribute('port', 'port_t'),
      attribute('is_tls', 'boolean_t', 'recommended'),
      attribute('is_authenticated', 'boolean_t', 'recommended'),
    ],
  },
  {
    name: 'telemetry_source',
    caption: 'Telemetry Source',
    purpose: 'Where events come from: the configured instance, its transport and its wire format.',
    at_least_one: ['name', 'instance'],
    attributes: [
      attribute('name', 'string_t'),
      attribute('instance', 'string_t'),
      attribute('collector', 'string_t'),
      attribute('format', 'string_t'),
      attribute('position', 'string_t'),
    ],
  },
  {
    name: 'workload_measure',
    caption: 'Workload Measure',
    purpose: 'One number about a workload.',
    attributes: [
      attribute('name', 'string_t', 'required'),
      attribute('value', 'float_t', 'required'),
      attribute('unit', 'string_t', 'recommended'),
    ],
  },
]

const classes: readonly ExtensionClass[] = [
  {
    uid: 99906001,
    name: 'container_lifecycle',
    caption: 'Container Lifecycle',
    category_uid: 6,
    purpose: 'What a container engine did with a container, image or network, and how its interface is exposed.',
    activities: {
      1: 'Create',
      2: 'Start',
      3: 'Stop',
      4: 'Pause',
      5: 'Unpause',
      6: 'Destroy',
      7: 'Restart',
      8: 'OOM Kill',
      9: 'Health Change',
      10: 'Network Connect',
      11: 'Network Disconnect',
      12: 'Image Pull',
      13: 'Update',
      14: 'Attach',
      15: 'Exec',
      16: 'Kill',
      17: 'Rename',
      18: 'Commit',
      19: 'Copy',
      20: 'Image Remove',
      21: 'Expose API',
    },
    at_least_one: ['container', 'image', 'network', 'api_exposure'],
    attributes: [
      object('container', 'container', 'recommended'),
      object('image', 'image'),
      object('network', 'container_network'),
      object('api_exposure', 'api_exposure'),
      object('process', 'process'),
      object('src_endpoint', 'network_endpoint'),
      attribute('exit_code', 'integer_t'),
      attribute('signal', 'string_t'),
      attribute('health', 'string_t'),
    ],
  },
  {
    uid: 99906002,
    name: 'coverage',
    caption: 'Coverage',
    category_uid: 6,
    purpose: 'Whether a source of events is alive and what it lost: no data is not no anomaly.',
    activities: { 1: 'Report' },
    attributes: [
      object('source', 'telemetry_source', 'required'),
      attribute('status_id', 'integer_t', 'recommended', {
        enum: new Map([
          [0, 'Unknown'],
          [1, 'Ok'],
          [2, 'Unavailable'],
          [3, 'Degraded'],
          [4, 'Silent'],
          [99, 'Other'],
        ]),
        sibling: 'status',
      }),
      attribute('lost_count', 'long_t'),
      attribute('last_event_time', 'timestamp_t'),
      attribute('lag_ms', 'long_t'),
    ],
  },
  {
    uid: 99906003,
    name: 'dead_letter',
    caption: 'Dead Letter',
    category_uid: 6,
    purpose: 'An input that could not become an event, kept with the reason and the raw record.',
    activities: { 1: 'Reject' },
    attributes: [
      object('source', 'telemetry_source', 'required'),
      attribute('reason', 'string_t', 'required'),
      attribute('detail', 'string_t', 'recommended'),
    ],
  },
  {
    uid: 99905001,
    name: 'workload_metric',
    caption: 'Workload Metric',
    category_uid: 5,
    purpose: 'Measurements of one workload at one time.',
    activities: { 1: 'Log', 2: 'Collect' },
    attributes: [object('metrics', 'workload_measure', 'required', { array: true })],
  },
]

/** Weir's OCSF extension: what OCSF 1.8.0 has no home for. Explained for consumers in docs/ocsf-extension.md. */
export const extension = {
  uid: 999,
  name: 'weir',
  version: '1.0.0',
  /** Attributes added to every class, OCSF's and ours. An event that concerns no workload (a person's API call) has none. */
  attributes: [object('workload', 'workload', 'recommended')] satisfies readonly Attribute[],
  classes,
  objects,
} as const
