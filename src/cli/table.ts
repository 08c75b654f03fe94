import Table from 'cli-table3';

const lineNames =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'.split(' ');
const noLines = { ...Object.fromEntries(lineNames.map((name) => [name, ''])), middle: '  ' };

/** Columns with two spaces between them and no lines: easy to read and to cut. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[],
  paintHead: (text: string) => string = (text) => text,
): string {
  const out = new Table({
    head: head.map((name) => paintHead(name.toUpperCase())),
    colAligns: [...align],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    chars: noLines,
  });
  out.push(...rows.map((row) => [...row]));
  return `${out
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 1536 -> "1.5 KiB". */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < byteUnits.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${byteUnits[unit] as string}`;
}

/** 1234567 -> "1,234,567", whatever language the machine speaks. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
