/** What a viewer has set when Grafana asks for a panel. */
export type PanelContext = {
  /** The chosen time range, ms since 1970. */
  readonly from: number
  readonly to: number
  /** Width of one bucket, ms: what Grafana makes of the range and the width of the panel. */
  readonly interval_ms: number
  /** Chosen values of each variable, or 'all', with the values it could have. */
  readonly variables: { readonly [name: string]: Variable }
}

export type Variable = { readonly chosen: 'all' | readonly string[]; readonly options: readonly string[] }

type Macro = { readonly arguments: number; expand(context: PanelContext, args: readonly string[]): string }

const dateTime = (ms: number) => `toDateTime(${Math.floor(ms / 1000)})`
const dateTime64 = (ms: number) => `fromUnixTimestamp64Milli(${ms})`
const date = (ms: number) => `toDate('${new Date(ms).toISOString().slice(0, 10)}')`
const seconds = ({ interval_ms }: PanelContext) => Math.max(1, Math.trunc(interval_ms / 1000))
const between = (column: string | undefined, from: string, to: string) => `${column} >= ${from} AND ${column} <= ${to}`

/** A filter on a column of days, which may be the partition, and on one of seconds. */
const dateTimeFilter: Macro = {
  arguments: 2,
  expand: ({ from, to }, [day, time]) =>
    `(${between(day, date(from), date(to))}) AND (${between(time, dateTime(from), dateTime(to))})`,
}

/** The macros of the ClickHouse data source that its backend expands, without their `$__`. */
const macros: { readonly [name: string]: Macro } = {
  fromTime: { arguments: 0, expand: ({ from }) => dateTime(from) },
  toTime: { arguments: 0, expand: ({ to }) => dateTime(to) },
  fromTime_ms: { arguments: 0, expand: ({ from }) => dateTime64(from) },
  toTime_ms: { arguments: 0, expand: ({ to }) => dateTime64(to) },
  timeFilter: { arguments: 1, expand: ({ from, to }, [column]) => between(column, dateTime(from), dateTime(to)) },
  timeFilter_ms: {
    arguments: 1,
    expand: ({ from, to }, [column]) => between(column, dateTime64(from), dateTime64(to)),
  },
  dateFilter: { arguments: 1, expand: ({ from, to }, [column]) => between(column, date(from), date(to)) },
  dateTimeFilter,
  dt: dateTimeFilter,
  timeInterval: {
    arguments: 1,
    expand: (context, [column]) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${seconds(context)} second)`,
  },
  timeInterval_ms: {
    arguments: 1,
    expand: ({ interval_ms }, [column]) =>
      `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${Math.max(1, Math.trunc(interval_ms))} millisecond)`,
  },
  interval_s: { arguments: 0, expand: (context) => String(seconds(context)) },
}

/**
 * The SQL that reaches ClickHouse when Grafana asks for a panel, as the official data source makes it: first
 * `$__conditionalAll`, then the variables (both in the browser), then the other macros (in its backend). Throws on a
 * macro or variable nobody knows.
 */
export function expandSql(sql: string, context: PanelContext): string {
  return expandMacros(replaceVariables(applyConditionalAll(sql, context), context), context)
}

/** `$__conditionalAll(condition, $variable)` is the condition, or `1=1` if the variable is "All" or has no value. */
function applyConditionalAll(sql: string, context: PanelContext): string {
  const start = '$__conditionalAll('
  let result = sql
  for (let at = result.lastIndexOf(start); at >= 0; at = result.lastIndexOf(start)) {
    const call = callAt(result, at + start.length - 1)
    const name = /^\$\{?(\w+)\}?$/.exec(call.args[1] ?? '')?.[1]
    if (call.args.length !== 2 || name === undefined)
      throw new Error(`$__conditionalAll wants a condition and a variable`)
    const { chosen } = variableOf(name, context)
    const condition = chosen === 'all' || chosen.length === 0 ? '1=1' : (call.args[0] as string)
    result = result.slice(0, at) + condition + result.slice(call.end)
  }
  return result
}

/** `${name:singlequote}` is a list of literals; `$name` and `${name}` are the values as they are. */
function replaceVariables(sql: string, context: PanelContext): string {
  return sql.replace(/\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)/g, (_, braced, format, bare) => {
    const { chosen, options } = variableOf(braced ?? bare, context)
    const values = chosen === 'all' ? options : chosen
    if (format === undefined) return values.length === 1 ? String(values[0]) : values.map(quoted).join(',')
    if (format !== 'singlequote') throw new Error(`variable format ${format} is not known here`)
    return values.map(quoted).join(',')
  })
}

function expandMacros(sql: string, context: PanelContext): string {
  let result = sql
  for (let match = /\$__(\w+)/.exec(result); match; match = /\$__(\w+)/.exec(result)) {
    const macro = macros[match[1] as string]
    if (!macro) throw new Error(`the data source has no macro ${match[0]}`)
    const after = match.index + match[0].length
    const call = result[after] === '(' ? callAt(result, after) : { args: [], end: after }
    if (call.args.length !== macro.arguments) {
      throw new Error(`${match[0]} wants ${macro.arguments} arguments and got ${call.args.length}`)
    }
    result = result.slice(0, match.index) + macro.expand(context, call.args) + result.slice(call.end)
  }
  return result
}

/** The arguments of a call whose opening parenthesis is at `open`, and where it ends. */
function callAt(sql: string, open: number): { args: string[]; end: number } {
  const args: string[] = []
  let depth = 0
  let start = open + 1
  for (let at = open; at < sql.length; at++) {
    const char = sql[at]
    if (char === '(') depth++
    else if (char === ')') depth--
    if (!(depth === 0 || (char === ',' && depth === 1))) continue
    const argument = sql.slice(start, at).trim()
    if (argument !== '' || args.length > 0) args.push(argument)
    start = at + 1
    if (depth === 0) return { args, end: at + 1 }
  }
  throw new Error(`a parenthesis is not closed in ${sql.slice(open, open + 40)}`)
}

function variableOf(name: string, context: PanelContext): Variable {
  const variable = context.variables[name]
  if (!variable) throw new Error(`there is no variable ${name}`)
  return variable
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "\\'")}'`
}
