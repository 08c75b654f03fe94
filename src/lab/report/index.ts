/**
 * What every lab and benchmark leaves in its folder: a `LabResult` in (`result.ts`), `summary.json`, `report.html` and graphs out (`writeReport`), with
 * what it was measured on (`machine.ts`). Prose that quotes figures (`quote.ts`) is written in blocks (`blocks.ts`).
 */
export { check, type Check, type Figure, type LabResult, partsOf, type Summary } from './result.ts';
export { checksTable, formatMachine, link, renderPage, resultsTable, table, verdictOf } from './html.ts';
export { defaultFolder, writeReport } from './report.ts';
export type { Graph } from './graph.ts';
export { digits, missing, shown } from './quote.ts';
export { describeMachine, findCommit, type Machine } from './machine.ts';
