import { ingested_time, moment, type Table, word } from './table.js'

/** What detectors have learned, for the process that gets their work next. */
export const detector_state: Table = {
  name: 'detector_state',
  doc: 'What detectors of several processes have learned, the newest of each process: whoever takes over their work starts from it',
  columns: [
    word('instance', 'Detector instance'),
    word('name', 'Which of its things: profile, model, rows'),
    word('process', 'Process that saved it; another one after each start'),
    moment('saved_time', 'Everything received before this time is in it'),
    { name: 'content', type: 'String', doc: 'What was saved; only the detector can read it', codec: 'ZSTD(3)' },
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'tuple()',
  order_by: ['instance', 'name', 'process'],
  indexes: [],
  retention_days: 30,
  fsync: false,
}
