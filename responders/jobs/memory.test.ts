import { jobsConformance } from './conformance.js'
import { createMemoryJobs } from './memory.js'

jobsConformance('memory jobs', async () => createMemoryJobs({ concurrency: 4 }))
