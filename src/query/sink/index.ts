/**
 * What becomes of records that were judged: `record-search.ts` selects them, with context and limits, and writes them as grep does (`line-writer.ts`) or as
 * NDJSON (`json-line.ts`). It leaves out where they come from.
 */
export { forEachTimedLine } from './line-writer.ts';
export { makeRecordSearch, type RecordQuery, type RecordSearch, type SearchHost } from './record-search.ts';
