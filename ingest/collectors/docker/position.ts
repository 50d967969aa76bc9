/** The event as an object; empty for a line that is not one, which the format will reject. */
export function parsed(line: string): { [key: string]: unknown } {
  try {
    const event: unknown = JSON.parse(line)
    return typeof event === 'object' && event !== null ? (event as { [key: string]: unknown }) : {}
  } catch {
    return {}
  }
}

/**
 * What tells one event of an engine from all others. The nanoseconds come from the text, because a JavaScript number
 * cannot hold them.
 */
export function positionOf(line: string, event: { [key: string]: unknown }): { nano: string; position: string } {
  const nano = /"timeNano"\s*:\s*(\d{10,20})/.exec(line)?.[1] ?? `${Math.trunc(Number(event.time) || 0)}000000000`
  const actor = event.Actor as { ID?: unknown; Attributes?: { container?: unknown; execID?: unknown } } | undefined
  const who = [actor?.ID ?? event.id, actor?.Attributes?.container, actor?.Attributes?.execID]
  const what = [event.Type, event.Action ?? event.status]
  return {
    nano,
    position: [nano, ...what, ...who]
      .filter((word) => typeof word === 'string')
      .join(':')
      .slice(0, 512),
  }
}
