import { isIsoTime } from '../base/calendar.ts';
import { parseDuration } from './parse-duration.ts';

/** Numbers below are seconds since 1970 and reach the year 5138; as milliseconds they would end in March 1973. */
const secondsBelow = 100_000_000_000;

export const timeRule =
  'It is a time such as 2026-11-21T10:00:00Z, or 15m, 1h30m, 7d for so long ago, or seconds or milliseconds since 1970, or "now".';

/** A point in time: ISO 8601, seconds or milliseconds since 1970, `now`, or so long ago (`90s`, `15m`, `1h30m`, `7d`). Null where it is none. */
export function parseTime(text: string, nowMs: number = Date.now()): number | null {
  if (text === 'now') return nowMs;
  const ago = parseDuration(text);
  if (ago !== null) return Math.max(0, nowMs - ago);
  if (/^\d{9,15}(\.\d{1,9})?$/.test(text)) {
    const number = Number(text);
    return Math.round(number < secondsBelow ? number * 1000 : number);
  }
  const parsed = isIsoTime(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}
