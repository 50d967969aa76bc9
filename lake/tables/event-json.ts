import type { Column } from './table.js'

type Tree = Map<string, Column | Tree>

/**
 * The SQL expression that rebuilds an event's JSON from its columns and `rest`. Three things differ from what was
 * published: attributes that were null are left out, lone surrogates are shown as U+FFFD, and numbers in `rest` may lose their last digits.
 */
export function eventJsonSql(columns: readonly Column[]): string {
  const tree: Tree = new Map()
  for (const column of columns) if (column.path !== undefined) place(tree, column.path.split('.'), column)
  place(tree, ['metadata', 'uid'], { name: 'metadata_uid', type: 'String', doc: '', required: true })
  const derived = ['concat(\'"category_uid":\', toString(category_uid))', 'concat(\'"type_uid":\', toString(type_uid))']
  const members = `arrayStringConcat([${[...derived, nonEmpty(tree)].join(', ')}], ',')`
  // JSON.stringify writes lone surrogates as escapes, which jsonMergePatch refuses.
  const rest = "replaceRegexpAll(if(rest = '', '{}', rest), '\\\\\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\\\\\\\ufffd')"
  return `jsonMergePatch(concat('{', ${members}, '}'), ${rest})`
}

function place(tree: Tree, keys: readonly string[], column: Column) {
  let level = tree
  for (const key of keys.slice(0, -1)) {
    const next = level.get(key) ?? new Map()
    level.set(key, next)
    level = next as Tree
  }
  level.set(keys.at(-1) as string, column)
}

/** The members of an object that are there, with commas between them. */
function nonEmpty(tree: Tree): string {
  const members = [...tree].map(([key, item]) =>
    item instanceof Map ? objectMember(key, item) : leafMember(key, item),
  )
  return `arrayStringConcat(arrayFilter(m -> m != '', [${members.join(', ')}]), ',')`
}

function objectMember(key: string, tree: Tree): string {
  return `arrayStringConcat(arrayMap(m -> concat('"${key}":{', m, '}'), arrayFilter(m -> m != '', [${nonEmpty(tree)}])))`
}

function leafMember(key: string, column: Column): string {
  const value = valueSql(key, column)
  const member = `concat('"${key}":', ${value})`
  return column.required ? member : `if(${column.name} = ${zeroSql(column)}, '', ${member})`
}

function valueSql(key: string, column: Column): string {
  if (key === 'hashes')
    return `concat('[{"algorithm_id":3,"algorithm":"SHA-256","value":', toJSONString(${column.name}), '}]')`
  if (column.type === 'DateTime64(3)') return `toString(toUnixTimestamp64Milli(${column.name}))`
  return column.type.includes('String') ? `toJSONString(${column.name})` : `toString(${column.name})`
}

function zeroSql(column: Column): string {
  if (column.type === 'DateTime64(3)') return 'fromUnixTimestamp64Milli(0)'
  return column.type.includes('String') ? "''" : '0'
}
