/**
 * What names a rotation gives, and in what order. Beside `app.log` these are its own past:
 *
 *     app.log.1  app.log.2             a number: the lower is the newer, as logrotate and Python count; upwards where `order` is told so
 *     app.log-20261130  app.log.2026-11-30_12-00  app-2026-11-30.log     a date, behind the name or before its extension: the later is the newer
 *     app.log.old                      the one before
 *
 * each also packed, with `.gz`, `.bz2`, `.xz`, `.zst` or `.lz4` behind it. Everything else that begins alike (`app.log.bak`, `app.log.err`,
 * `app.log.2.zip`, `app-2.log`) is another file.
 */
export interface RotatedName {
  readonly name: string;
  /** Counted upwards or downwards, or dated: names of one series can be compared. */
  readonly series: 'number' | 'date';
  /** Groups of digits; `old` is 1. */
  readonly digits: readonly number[];
  /** It has no lines as it is. */
  readonly isPacked: boolean;
}

const packedSuffix = /\.(gz|bz2|xz|zst|lz4)$/;
/** A number or a date behind the whole name. */
const suffix = /^[.-](\d[\dT:_.-]*|old)$/;
/** A date before the extension: a number there is another program's, or another part of the same. */
const infix = /^[._-]((?:19|20)\d\d[._-]?\d\d[._-]?\d\d(?:[\dT:_.-]*\d)?)$/;
/** From so many digits on it is a date, or a time in seconds. */
const dateDigitsMin = 6;

/** What a name is beside `base`; null for another file's, and for `base` itself. */
export function rotatedName(name: string, base: string): RotatedName | null {
  const packed = packedSuffix.exec(name)?.[1] ?? null;
  const plain = packed === null ? name : name.slice(0, -packed.length - 1);
  const text = plain.startsWith(base) ? suffix.exec(plain.slice(base.length))?.[1] : dateWithin(plain, base);
  if (text === undefined) return null;
  const digits = text === 'old' ? [1] : (text.match(/\d+/g) ?? []).map(Number);
  const isDate = text.replaceAll(/\D/g, '').length >= dateDigitsMin;
  return { name, series: isDate ? 'date' : 'number', digits, isPacked: packed !== null };
}

function dateWithin(plain: string, base: string): string | undefined {
  const dot = base.lastIndexOf('.');
  if (dot <= 0) return undefined;
  const [stem, extension] = [base.slice(0, dot), base.slice(dot)];
  if (!plain.startsWith(stem) || !plain.endsWith(extension) || plain.length <= base.length) return undefined;
  return infix.exec(plain.slice(stem.length, -extension.length))?.[1];
}

/** Whether a file is called as rotation calls those that had another's name before. Paths in one folder, or names. */
export const isRotationOf = (path: string, base: string): boolean => rotatedName(path, base) !== null;

/** Negative where `a` is older than `b`. Dates and numbers cannot be compared; dates come first, and keep that place. */
export function compareAges(a: RotatedName, b: RotatedName, isCountedUpwards = false): number {
  if (a.series !== b.series) return a.series === 'date' ? -1 : 1;
  const sign = a.series === 'number' && !isCountedUpwards ? -1 : 1;
  for (let i = 0; i < Math.max(a.digits.length, b.digits.length); i++) {
    const difference = (a.digits[i] ?? -1) - (b.digits[i] ?? -1);
    if (difference !== 0) return sign * difference;
  }
  return 0;
}
