import type { SearchRequest } from './request.ts';
import { parseTimeFormat } from './time-format.ts';

/** Why lines of a request cannot be put in order of time, or chosen by it, as the end of a sentence; null when they can. */
export function refuseOrder({ source, order, follow, output, timeFormat, form }: SearchRequest): string | null {
  const isTopic = source.kind === 'topic';
  if (isTopic && timeFormat !== null) return 'records of a topic bear their time beside them, whatever their text says';
  if (!isTopic && form === 'json') return 'lines of files are sent as they stand there';
  if (timeFormat !== null) {
    const parsed = parseTimeFormat(timeFormat);
    if (!parsed.ok) return `the format of times is not taken: ${parsed.error}`;
  }
  if (follow) {
    if (output.mode !== 'lines') return 'only lines can be followed, not counts or names of files';
    if (isTopic) {
      if (output.before !== null || output.after !== null) return 'context is not shown of a topic that is followed';
      return null;
    }
    if (output.lineNumbers || output.byteOffsets) return 'lines are numbered from the beginning of a file, and it is followed from its end';
    return null;
  }
  if (order === 'place') return null;
  if (output.mode !== 'lines') return 'only lines can be merged by time, not counts or names of files';
  if (output.onlyMatching && !isTopic) return 'what -o prints of a line has no time to merge it by';
  return null;
}
