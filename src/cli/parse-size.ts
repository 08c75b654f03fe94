const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

export const sizeRule = 'It is a size such as 64MiB (2^20), 1GB (10^9) or a number of bytes.';

/** `1GB`, `64MiB`, `1.5 GiB` or plain bytes, as bytes; null where it is none. "64M" is none: it means either. */
export function parseSize(text: string): number | null {
  const [, number, unit = 'b'] = /^(\d{1,16}(?:\.\d{1,3})?) ?([a-z]{1,3})?$/i.exec(text) ?? [];
  const factor = units[unit.toLowerCase()];
  if (number === undefined || factor === undefined) return null;
  const bytes = Number(number) * factor;
  return Number.isSafeInteger(Math.round(bytes)) && (factor > 1 || Number.isInteger(bytes)) ? Math.round(bytes) : null;
}
