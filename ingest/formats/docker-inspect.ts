import { CLASS, type EventDraft, type JsonObject } from '../../ocsf/event.js'
import { aboutContainer, commandOf, processDraft } from './docker-event.js'
import { type ContainerFacts, containerObject, type EngineHost, isContainerId, textMap } from './docker-objects.js'
import { isObject, type JsonRecord } from './fields.js'
import { parseTime } from './time.js'

/** What an answer of `GET /containers/{id}/json` says about the container itself; undefined if it is none. */
export function containerFacts(inspect: unknown): ContainerFacts | undefined {
  if (!isObject(inspect) || !isContainerId(inspect.Id)) return undefined
  const config = part(inspect, 'Config')
  return {
    id: inspect.Id,
    name: text(inspect.Name)?.replace(/^\//, ''),
    image: text(config.Image),
    image_id: text(inspect.Image),
    labels: textMap(config.Labels),
    runtime: text(part(inspect, 'HostConfig').Runtime),
  }
}

/** The same answer without the values of environment variables: they hold passwords, and an event is kept for long. */
export function withoutSecrets(inspect: JsonRecord): JsonRecord {
  const config = part(inspect, 'Config')
  return Array.isArray(config.Env) ? { ...inspect, Config: { ...config, Env: environmentNames(config.Env) } } : inspect
}

/**
 * A container as inventory (5001), with what makes it dangerous or exposed under `unmapped.configuration`; and, if it
 * has just been started, the launch of its first process (1007).
 */
export function inspectEvents(
  inspect: JsonRecord,
  facts: ContainerFacts,
  details: { readonly time: number; readonly started: boolean; readonly host: EngineHost | undefined },
): EventDraft[] {
  const { time, started, host } = details
  const about = aboutContainer(facts, host)
  // The answer as text would hold the values of environment variables.
  const raw_data = JSON.stringify(withoutSecrets(inspect))
  // Each event gets metadata of its own, because the pipeline writes the event's uid into it.
  const base = () => ({
    severity_id: 1,
    status_id: 1,
    metadata: { product: { name: 'Docker Engine', vendor_name: 'Docker' }, log_name: 'inspect' },
    raw_data,
  })
  const name = facts.name ?? facts.id.slice(0, 12)
  const inventory: EventDraft = {
    ...base(),
    class_uid: CLASS.inventory_info,
    activity_id: 2,
    time,
    message: `Container ${name} (${facts.image ?? 'unknown image'}) is ${text(part(inspect, 'State').Status) ?? 'in an unknown state'}`,
    device: asDevice(inspect, facts),
    workload: about.workload,
    unmapped: { configuration: configurationOf(inspect), ...(host ? { host } : {}) },
  }
  const launch = started ? launchOf(inspect, facts) : undefined
  if (!launch) return [inventory]
  const message = `First process of container ${name}: ${launch.process.cmd_line}`
  const process = { ...processDraft({ ...base(), ...about, time: launch.time }, 1, launch.process), message }
  return [inventory, process]
}

/** The container as an OCSF device: it has addresses, an image and a host name of its own. */
function asDevice(inspect: JsonRecord, facts: ContainerFacts): JsonObject {
  const created = parseTime(text(inspect.Created) ?? '')
  const hostname = text(part(inspect, 'Config').Hostname)
  const interfaces = Object.entries(part(part(inspect, 'NetworkSettings'), 'Networks')).flatMap(([name, settings]) => {
    if (!isObject(settings)) return []
    const ip = text(settings.IPAddress) ?? text(settings.GlobalIPv6Address)
    const mac = text(settings.MacAddress)
    return [{ name, type_id: 4, type: 'Virtual', ...(ip ? { ip } : {}), ...(mac ? { mac } : {}) }]
  })
  return {
    type_id: 99,
    type: 'Container',
    uid: facts.id,
    ...(facts.name ? { name: facts.name } : {}),
    ...(hostname ? { hostname } : {}),
    ...(created && created > 0 ? { created_time: created } : {}),
    container: containerObject(facts),
    ...(interfaces.length > 0 ? { network_interfaces: interfaces } : {}),
  }
}

/** Sockets through which a container commands the engine that runs it. */
const ENGINE_SOCKET = /(^|\/)(docker|containerd|crio|podman)\.sock$/

/** What decides how much harm a container can do. Flat and typed, so that rules can name it. */
function configurationOf(inspect: JsonRecord): JsonObject {
  const config = part(inspect, 'Config')
  const host = part(inspect, 'HostConfig')
  const mounts = objects(inspect.Mounts).map((mount) => ({
    type: text(mount.Type) ?? '',
    source: text(mount.Source) ?? text(mount.Name) ?? '',
    destination: text(mount.Destination) ?? '',
    writable: mount.RW === true,
  }))
  const modes = {
    pid: host.PidMode,
    network: host.NetworkMode,
    ipc: host.IpcMode,
    uts: host.UTSMode,
    user: host.UsernsMode,
  }
  const namespaces = Object.entries(modes).flatMap(([name, mode]) => (mode === 'host' ? [name] : []))
  const ports = publishedPorts(host)
  return {
    privileged: host.Privileged === true,
    host_namespaces: namespaces,
    network_mode: text(host.NetworkMode) ?? '',
    capabilities_added: texts(host.CapAdd),
    capabilities_dropped: texts(host.CapDrop),
    security_options: texts(host.SecurityOpt),
    devices: objects(host.Devices).map((device) => text(device.PathOnHost) ?? ''),
    mounts,
    mounts_engine_socket: mounts.some(({ source }) => ENGINE_SOCKET.test(source)),
    mounts_host_root: mounts.some(({ type, source }) => type === 'bind' && source === '/'),
    published_ports: ports,
    published_everywhere: ports.some(({ ip }) => ip === '0.0.0.0' || ip === '::'),
    environment_names: environmentNames(config.Env),
    user: text(config.User) ?? '',
    read_only_root: host.ReadonlyRootfs === true,
    restart_policy: text(part(host, 'RestartPolicy').Name) ?? 'no',
    networks: Object.keys(part(part(inspect, 'NetworkSettings'), 'Networks')),
  }
}

/** What was asked for, not what is bound now: it is the same while the container is paused or quarantined. */
function publishedPorts(host: JsonRecord) {
  return Object.entries(part(host, 'PortBindings')).flatMap(([key, bindings]) => {
    const [container_port, protocol = 'tcp'] = key.split('/')
    return objects(bindings).map((binding) => ({
      ip: text(binding.HostIp) ?? '0.0.0.0',
      port: Number(text(binding.HostPort) ?? 0) || 0,
      container_port: Number(container_port) || 0,
      protocol,
    }))
  })
}

function launchOf(inspect: JsonRecord, facts: ContainerFacts): { time: number; process: JsonObject } | undefined {
  const state = part(inspect, 'State')
  const time = parseTime(text(state.StartedAt) ?? '')
  const path = text(inspect.Path)
  if (!path || !time || time <= 0 || typeof state.Pid !== 'number' || state.Pid <= 0) return undefined
  const user = text(part(inspect, 'Config').User)
  const process = {
    pid: state.Pid,
    ...commandOf([path, ...texts(inspect.Args)].join(' ')),
    created_time: time,
    container: containerObject(facts),
    ...(user ? { user: { name: user } } : {}),
  }
  return { time, process }
}

function environmentNames(env: unknown): string[] {
  return texts(env).map((variable) => variable.split('=', 1)[0] ?? '')
}

function part(value: JsonRecord, key: string): JsonRecord {
  const found = value[key]
  return isObject(found) ? found : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}

function objects(value: unknown): JsonRecord[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
