/**
 * What a logger measured, second by second: `TimelineRecorder` counts and writes rows to a `TimelineFile` (`format.ts` has the format), `readTimeline`
 * gives them back, for `cairn plot` and `cairn top`.
 */
export type { NodeRow, TimelineRun, TotalRow } from './format.ts';
export { parseTimeline, readTimeline } from './read.ts';
export { TimelineRecorder } from './recorder.ts';
