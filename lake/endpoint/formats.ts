/** The `Content-Type` ClickHouse answers with for an output format. */
export function contentType(format: string): string {
  if (/EachRow|^JSONL|^NDJSON|^PrettyNDJSON/.test(format)) return 'application/x-ndjson; charset=UTF-8'
  if (/JSON/.test(format)) return 'application/json; charset=UTF-8'
  if (/^CSV/.test(format)) {
    return `text/csv; charset=UTF-8; header=${format.includes('WithNames') ? 'present' : 'absent'}`
  }
  if (/^(TSV|TabSeparated|TSKV|Raw(With|$)|LineAsString)/.test(format)) {
    return 'text/tab-separated-values; charset=UTF-8'
  }
  if (format === 'XML') return 'application/xml; charset=UTF-8'
  if (format === 'PNG') return 'image/png'
  if (format === 'Markdown' || format === 'MD') return 'text/markdown; charset=UTF-8'
  if (/^(Native|RowBinary|Arrow|Parquet|ORC|Avro|BSON|MsgPack|Npy|Buffers|Protobuf|RawBLOB)/.test(format)) {
    return 'application/octet-stream'
  }
  return 'text/plain; charset=UTF-8'
}

const piecewise = new Set([
  'BSONEachRow',
  'CSV',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'JSONEachRow',
  'JSONL',
  'JSONLines',
  'JSONStringsEachRow',
  'LineAsString',
  'MsgPack',
  'NDJSON',
  'Native',
  'PrettyJSONEachRow',
  'PrettyNDJSON',
  'Raw',
  'RawBLOB',
  'RowBinary',
  'TSKV',
  'TSV',
  'TSVRaw',
  'TabSeparated',
  'TabSeparatedRaw',
])

/**
 * True if the pieces of a streamed result, put one after the other, are the result. The engine formats each piece
 * as if it were a whole one, so a format with a header, a footer or separators between rows is not among them.
 */
export function isPiecewise(format: string): boolean {
  return piecewise.has(format)
}

/** A format name as ClickHouse writes them; what is none is refused before it reaches the engine. */
export function isFormatName(format: string): boolean {
  return /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(format)
}
