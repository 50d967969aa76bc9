import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of one process. Names and labels follow Prometheus; times are in seconds there. */
export type Metrics = {
  /** Adds to the counter `weir_<name>_total`. Call it once a batch, not once an event. */
  count(name: string, labels: Record<string, string>, n?: number): void
  /** Sets the gauge `weir_<name>`. */
  gauge(name: string, labels: Record<string, string>, value: number): void
  /** Observes a duration given in milliseconds in the histogram `weir_<name>_seconds`. */
  observe(name: string, labels: Record<string, string>, ms: number): void
  /** The sum of a counter over all label sets that contain `labels`; 0 if it was never counted. */
  total(name: string, labels?: Record<string, string>): number
  /** A counter's values by one label: `{ reason: n }`. */
  by(name: string, label: string): Record<string, number>
  /** Called before each `text`, to set gauges that nobody follows otherwise; one that fails leaves its gauges as they are. */
  sample(take: () => void | Promise<void>): void
  /** The Prometheus text exposition. */
  text(): Promise<string>
}

/** A fresh set of metrics; there is no global one. With `of_process`, memory, CPU and event loop of this process are in it. */
export function createMetrics(options: { of_process?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.of_process) collectDefaultMetrics({ register: registry })
  const counters = new Map<
    string,
    { metric: Counter; cells: Map<string, { labels: Record<string, string>; n: number }> }
  >()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  const samples: (() => void | Promise<void>)[] = []

  return {
    count(name, labels, n = 1) {
      if (n === 0) return
      let entry = counters.get(name)
      if (!entry) {
        const metric = new Counter({
          name: `weir_${name}_total`,
          help: name.replaceAll('_', ' '),
          labelNames: Object.keys(labels),
          registers: [registry],
        })
        entry = { metric, cells: new Map() }
        counters.set(name, entry)
      }
      entry.metric.inc(labels, n)
      const key = JSON.stringify(labels)
      const cell = entry.cells.get(key)
      if (cell) cell.n += n
      else entry.cells.set(key, { labels: { ...labels }, n })
    },
    gauge(name, labels, value) {
      let metric = gauges.get(name)
      if (!metric) {
        metric = new Gauge({
          name: `weir_${name}`,
          help: name.replaceAll('_', ' '),
          labelNames: Object.keys(labels),
          registers: [registry],
        })
        gauges.set(name, metric)
      }
      metric.set(labels, value)
    },
    observe(name, labels, ms) {
      let metric = histograms.get(name)
      if (!metric) {
        metric = new Histogram({
          name: `weir_${name}_seconds`,
          help: name.replaceAll('_', ' '),
          labelNames: Object.keys(labels),
          buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
          registers: [registry],
        })
        histograms.set(name, metric)
      }
      metric.observe(labels, ms / 1000)
    },
    total(name, labels = {}) {
      let sum = 0
      for (const cell of counters.get(name)?.cells.values() ?? []) {
        if (Object.entries(labels).every(([key, value]) => cell.labels[key] === value)) sum += cell.n
      }
      return sum
    },
    by(name, label) {
      const result: Record<string, number> = {}
      for (const cell of counters.get(name)?.cells.values() ?? []) {
        const value = cell.labels[label] ?? ''
        result[value] = (result[value] ?? 0) + cell.n
      }
      return result
    },
    sample: (take) => void samples.push(take),
    async text() {
      await Promise.allSettled(samples.map(async (take) => take()))
      return registry.metrics()
    },
  }
}
