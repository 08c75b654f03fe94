const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const part = /(\d{1,9}(?:\.\d{1,3})?)(ms|[smhdw])/g;

/** `90s`, `15m`, `1h30m`, `7d`, `2w`, `500ms`, as milliseconds; null where it is none. */
export function parseDuration(text: string): number | null {
  const parts = [...text.matchAll(part)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) return null;
  return Math.round(parts.reduce((sum, [, number, unit]) => sum + Number(number) * (unitMs[unit as string] as number), 0));
}
