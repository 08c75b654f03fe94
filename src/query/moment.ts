/**
 * A point in time as its parts were read from a line, and the milliseconds since 1970 that they mean. No calendar of the machine is asked: the rooms that
 * use this have none, and a line means the same on every machine.
 */

/** Where a line leaves something out: what stands for it. */
export interface MomentDefaults {
  /** A time without a year is the last such moment that is not more than a day ahead of this. */
  readonly nowMs: number;
  /** Minutes east of Greenwich of a time that names no zone. */
  readonly zoneMinutes: number;
}

const dayMs = 86_400_000;
const daysOfMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export class Moment {
  /** NaN where the line does not say it. */
  year = Number.NaN;
  month = 0;
  day = 0;
  hour = 0;
  minute = 0;
  second = 0;
  fraction = 0;
  /** Minutes east of Greenwich, NaN where the line does not say it. */
  zoneMinutes = Number.NaN;

  clear(): void {
    this.year = Number.NaN;
    this.month = 0;
    this.day = 0;
    this.hour = 0;
    this.minute = 0;
    this.second = 0;
    this.fraction = 0;
    this.zoneMinutes = Number.NaN;
  }

  /** Milliseconds since 1970, with fractions; NaN when no clock shows such parts. A leap second is the first of the next minute. */
  toMs(defaults: MomentDefaults): number {
    const isOnClock =
      this.month >= 1 &&
      this.month <= 12 &&
      this.day >= 1 &&
      this.day <= (daysOfMonths[this.month - 1] as number) &&
      this.hour <= 23 &&
      this.minute <= 59 &&
      this.second <= 60;
    if (!isOnClock) return Number.NaN;
    const zoneMinutes = Number.isNaN(this.zoneMinutes) ? defaults.zoneMinutes : this.zoneMinutes;
    const ofDayMs = ((this.hour * 60 + this.minute - zoneMinutes) * 60 + this.second + this.fraction) * 1000;
    const msIn = (year: number): number => daysOf(year, this.month, this.day) * dayMs + ofDayMs;
    if (!Number.isNaN(this.year)) return msIn(this.year);
    const year = yearOf(defaults.nowMs + dayMs);
    const ms = msIn(year);
    return ms <= defaults.nowMs + dayMs ? ms : msIn(year - 1);
  }
}

/** Days from 1970-01-01 to a day of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil). */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The year in which a moment lies, in Greenwich. */
function yearOf(ms: number): number {
  const guess = 1970 + Math.floor(ms / (365.2425 * dayMs));
  if (ms < daysOf(guess, 1, 1) * dayMs) return guess - 1;
  return ms < daysOf(guess + 1, 1, 1) * dayMs ? guess : guess + 1;
}
