import { SqlException, sqlErrors } from './exception.js'

/** Text as an SQL string. */
export function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** The setting that holds the value of a `{name:Type}` placeholder. Throws BAD_ARGUMENTS for what cannot be a name. */
export function parameter(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return `param_${name}`
  throw new SqlException(sqlErrors.BAD_ARGUMENTS, 'BAD_ARGUMENTS', `'${name.slice(0, 64)}' is no parameter name.`)
}
