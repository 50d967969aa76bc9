import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments, parse as parseYaml } from 'yaml'
import { configSchema } from '../cli/config.js'
import { createProgram } from '../cli/main.js'
import { ROLES } from '../cli/roles/role.js'
import { parseConfig } from '../core/config.js'
import { packageRoot } from '../core/paths.js'
import { RESOURCES } from '../ingest/collectors/kubernetes/config.js'

const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8')
/** Names of an environment file, which has no values. */
const namesIn = (path: string) => [...read(path).matchAll(/^(\w+)=$/gm)].map(([, name]) => name as string).sort()
const variables = (text: string) => [...new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name as string))]

type Service = Record<string, any>
const compose = parseYaml(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> }
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image.startsWith('weir:'))
const mountOf = ({ volumes = [] }: Service) =>
  volumes.map((volume: string) => volume.split(':')).find((parts: string[]) => parts[1] === '/etc/weir/weir.yaml')?.[0]

const folder = 'deploy/kubernetes'
const kustomization = parseYaml(read(`${folder}/kustomization.yaml`))
const manifests: any[] = kustomization.resources.flatMap((file: string) =>
  parseAllDocuments(read(`${folder}/${file}`)).map((document) => document.toJS()),
)
const pods = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')

/** A process as it is started: its arguments, its configuration file and the variables that it is given. */
type Start = { who: string; args: string[]; config: string; variables: string[] }
const composed: Start[] = ours.map(([name, service]) => ({
  who: `compose.yaml: ${name}`,
  args: service.command,
  config: mountOf(service),
  variables: Object.keys(service.environment).sort(),
}))
const deployed: Start[] = pods.map(({ metadata, spec }) => {
  const [container] = spec.template.spec.containers
  const { name } = spec.template.spec.volumes.find((volume: any) => volume.name === 'config').configMap
  const [source] = kustomization.configMapGenerator.find((map: any) => map.name === name).files
  return {
    who: `${folder}: ${metadata.name}`,
    args: container.args,
    config: `${folder}/${source.split('=').at(-1)}`,
    variables: container.env.map((one: any) => one.name).sort(),
  }
})

for (const [what, starts] of Object.entries({ 'compose.yaml': composed, [folder]: deployed })) {
  test(`${what}: every role is there, with a configuration that it can start with`, () => {
    const roles = starts.filter(({ args }) => args[0] === 'run').map(({ args }) => args[1])
    assert.deepEqual([...new Set(roles)].sort(), [...ROLES].sort())
    assert.ok(starts.some(({ args }) => args[0] === 'migrate'))
    for (const { who, args, config, variables: given } of starts) {
      const text = read(config)
      const env = Object.fromEntries(given.map((name) => [name, 'a value of 16 or more']))
      const { bus, lake, jobs, data_dir, http } = parseConfig(text, configSchema, { file: config, env })
      assert.deepEqual(given, variables(text).sort(), `${who} is given the secrets of ${config}, and no more`)
      assert.ok(bus.kafka, who)
      assert.equal(data_dir, '/var/lib/weir')
      assert.deepEqual(http, { host: '0.0.0.0', port: 8871 })
      assert.equal(lake.url === undefined, args[1] === 'ingest', who)
      assert.equal(jobs.redis === undefined, args[1] === 'ingest', who)
      const command = createProgram().commands.find((one) => one.name() === args[0])
      for (const option of args.filter((arg) => arg.startsWith('-'))) {
        assert.ok(
          command?.options.some(({ short, long }) => option === short || option === long),
          `${who}: ${option}`,
        )
      }
    }
  })
}

test('every secret is explained in the example files, and every one there is used', () => {
  assert.deepEqual(variables(read('compose.yaml')).sort(), namesIn('.env.example'))
  assert.deepEqual(
    [...new Set(deployed.flatMap((start) => start.variables))].sort(),
    namesIn(`${folder}/secret.example.env`),
  )
})

test('compose.yaml: nothing is published beyond loopback, no process may gain rights, every image has a version', () => {
  for (const [name, service] of services) {
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/, name)
    assert.match(service.image, /:\d+\.\d+\.\d+/, name)
    assert.deepEqual(service.cap_drop, ['ALL'], name)
    assert.ok(service.security_opt.includes('no-new-privileges:true'), name)
    assert.match(service.user, /^[1-9]\d*:/, name)
    assert.ok(service.deploy.resources.limits.memory && service.deploy.resources.limits.cpus, name)
    assert.ok(service.healthcheck || /on-failure/.test(service.restart), name)
  }
  for (const [name, service] of ours) assert.equal(service.read_only, true, name)
})

test(`${folder}: pods fit the restricted profile, and are selected by what watches over them`, () => {
  for (const { metadata, spec } of pods) {
    const pod = spec.template.spec
    assert.equal(pod.securityContext.runAsNonRoot, true, metadata.name)
    // Whoever has a token of the API has an account for it, with the rights it needs.
    const account = manifests.find(
      ({ kind, metadata: { name } }) => kind === 'ServiceAccount' && name === pod.serviceAccountName,
    )
    assert.ok(account, `${metadata.name} runs as ${pod.serviceAccountName}`)
    const has_rights = manifests.some(
      ({ kind, subjects }) =>
        kind === 'ClusterRoleBinding' && subjects.some(({ name }: any) => name === pod.serviceAccountName),
    )
    assert.equal(pod.automountServiceAccountToken, has_rights, metadata.name)
    assert.ok(
      !has_rights || (spec.replicas === 1 && spec.strategy.type === 'Recreate'),
      'two collectors tell everything twice',
    )
    for (const { securityContext } of pod.containers) {
      assert.deepEqual(
        securityContext,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        metadata.name,
      )
    }
  }
  const names = new Set(pods.map(({ metadata }) => metadata.name))
  for (const { kind, metadata, spec } of manifests) {
    if (kind === 'HorizontalPodAutoscaler') assert.ok(names.has(spec.scaleTargetRef.name), metadata.name)
    const selector = kind === 'Service' ? spec.selector : (spec?.selector ?? spec?.podSelector)?.matchLabels
    if (!selector) continue
    const hit = pods.some(({ spec: { template } }) =>
      Object.entries(selector).every(([label, value]) => template.metadata.labels[label] === value),
    )
    assert.ok(hit, `${kind} ${metadata.name} selects pods`)
  }
})

test('the collector may list and watch what it can be told to report, and nothing else', () => {
  const [role] = manifests.filter(({ kind }) => kind === 'ClusterRole')
  const granted = role.rules.flatMap(({ apiGroups, resources, verbs }: any) => {
    assert.deepEqual(verbs, ['list', 'watch'])
    return resources.map(
      (resource: string) => `${apiGroups[0] === '' ? '/api' : `/apis/${apiGroups[0]}`}/v1/${resource}`,
    )
  })
  assert.deepEqual(granted.sort(), Object.values(RESOURCES).sort())
})

test('Dockerfile: copies what is there and what .dockerignore lets through', () => {
  const version = JSON.parse(read('package.json')).version
  for (const [, { image }] of ours) assert.equal(image, `weir:${version}`)
  assert.equal(kustomization.images[0].newTag, version)
  const allowed = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) => path as string)
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, paths]) => paths?.split(' ') ?? [],
  )
  for (const path of copied.filter((one) => one !== '.')) {
    assert.ok(existsSync(join(packageRoot, path)), path)
    assert.ok(allowed.includes(path.split('/')[0] as string), `${path} is in .dockerignore`)
  }
})
