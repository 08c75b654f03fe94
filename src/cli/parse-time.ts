import { isIsoTime } from '../base/calendar.ts';

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Numbers below are seconds since 1970 and reach the year 5138; as milliseconds they would end in March 1973. */
const secondsBelow = 100_000_000_000;

export const timeRule = 'It is a time such as 2026-11-21T10:00:00Z, or 15m, 2h, 7d for so long ago, or seconds or milliseconds since 1970.';

/** A point in time: ISO 8601, seconds or milliseconds since 1970, or so long ago (`90s`, `15m`, `2h`, `7d`). Null where it is none. */
export function parseTime(text: string, nowMs: number = Date.now()): number | null {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (units[ago[2] as string] as number);
  if (/^\d{9,15}(\.\d{1,9})?$/.test(text)) {
    const number = Number(text);
    return Math.round(number < secondsBelow ? number * 1000 : number);
  }
  const parsed = isIsoTime(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}
