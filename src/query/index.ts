/**
 * A search as a value, and everything about it that needs no machine. `SearchRequest` (`request.ts`) says what to look for, in what, and what to tell
 * of it; whoever asks and whoever searches mean the same by it. It leaves out how a request travels, and what runs: `search/`.
 */
export {
  type Dialect,
  filterOperators,
  type Match,
  type Output,
  plainMatch,
  plainOutput,
  plainSearch,
  type SearchRequest,
  type Source,
  type TopicSource,
  wantsTimes,
  wholeTopic,
} from './request.ts';
export { type GrepAnswer, type GrepAsker, type GrepQuestion, isForGrep } from './matcher/index.ts';
export { forEachTimedLine, makeRecordSearch, type RecordQuery, type RecordSearch, type SearchHost } from './sink/index.ts';
export { grepArguments, type Labelling, ripgrepArguments } from './arguments.ts';
export { LineTime, type LineTimeOptions } from './line-time.ts';
export { LineTimer, type TimedPiece } from './line-timer.ts';
export { type OptionRow, optionTable } from './options.ts';
export { type GrepCommand, parseGrep } from './parse.ts';
export { ripgrepEquals } from './ripgrep.ts';
export { refuseOrder } from './order.ts';
export { PlaceRewriter } from './place-rewriter.ts';
export { explainRequest } from './plan.ts';
export { timeOfPrinted } from './printed-line.ts';
export { parseTimeFormat } from './time-format.ts';
export { TimeFilter } from './time-filter.ts';
export { type Timed, TimeMerge } from './time-merge.ts';
export { TimeWindow } from './time-window.ts';
