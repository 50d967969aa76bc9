/** True in CI, where a test that cannot run fails instead of being skipped: `CI` is set, and not to `false` or `0`. */
export function mustRun(): boolean {
  return !['', '0', 'false'].includes(process.env.CI ?? '')
}
