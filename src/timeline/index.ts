/**
 * What a logger measured, second by second: `TimelineRecorder` counts and writes rows to a `TimelineFile` (`format.ts` has the format), `readTimeline`
 * gives them back, for `cairn plot`; `LiveTimeline` while they are written, for `cairn top`.
 */
export type { NodeRow, TimelineRun, TotalRow } from './format.ts';
export { type LiveConnection, LiveTimeline } from './live.ts';
export { parseTimeline, readTimeline } from './read.ts';
export { TimelineRecorder } from './recorder.ts';
export { summariseRows, summariseRun } from './summary.ts';
