/** The pod that several fixtures tell of, and what Falco and Docker say of its container. */
export const POD = 'shop-api-6c9f7d5b48-x2x7k'
const CONTAINER = `9c1f0b7ad2e4${'0'.repeat(52)}`

export function falcoAlert() {
  const output_fields = {
    'container.id': CONTAINER.slice(0, 12),
    'container.name': 'api',
    'k8s.pod.name': POD,
    'k8s.ns.name': 'shop',
  }
  const time = '2026-01-12T08:30:16Z'
  return { rule: 'Shell', priority: 'Notice', output: 'x', hostname: 'node-3', time, output_fields }
}

export function dockerStart() {
  const Attributes = {
    image: 'registry.shop.example/shop-api:2.3.1',
    name: `k8s_api_${POD}_shop_0c5a1b1e_0`,
    'io.kubernetes.pod.name': POD,
    'io.kubernetes.pod.namespace': 'shop',
    'io.kubernetes.container.name': 'api',
  }
  return { Type: 'container', Action: 'start', Actor: { ID: CONTAINER, Attributes }, time: 1_768_206_600 }
}
