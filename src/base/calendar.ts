const isoTime = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * A day, or a day and a time of it, as ISO 8601 has it; what is left to `Date.parse` is whether there is such a time of the day. The language's own parser takes
 * the 30th of February for the 2nd of March, and much else for a time.
 */
export function isIsoTime(text: string): boolean {
  const [, year, month, day] = isoTime.exec(text) ?? [];
  return year !== undefined && Number(day) <= daysOf(Number(year), Number(month));
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
