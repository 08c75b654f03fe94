// Opens a picture as text: what is written where, and which points are drawn, read back through the labels of the axes, not through the code that drew it.
import { textWidth } from '../../src/chart/text.ts';

interface Text {
  readonly class: string;
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface OpenedSvg {
  readonly width: number;
  readonly height: number;
  readonly texts: readonly Text[];
  /** The texts of a class, in the order of the file. */
  readonly textsOf: (className: string) => readonly string[];
  /** From pixels to what the labels of the axis say; linear axes only. */
  readonly valueOf: { readonly x: (pixel: number) => number; readonly y: (pixel: number) => number };
  /** Every series or band by its label: its points in pixels. */
  readonly drawn: ReadonlyMap<string, readonly (readonly [number, number])[]>;
  /** Elements of a class with their attributes. */
  readonly elements: (className: string) => readonly Readonly<Record<string, string>>[];
}

export function openSvg(svg: string): OpenedSvg {
  const root = attributesOf(/<svg ([^>]*)>/.exec(svg)?.[1] ?? '');
  const texts = [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(([, attributes = '', text = '']) =>
    boxOf(attributesOf(attributes), unescape(text)),
  );
  const ticks = (axis: string): readonly (readonly [number, number])[] =>
    texts
      .filter((text) => text.class === `tick ${axis}`)
      .map((text) => [axis === 'x' ? (text.left + text.right) / 2 : text.bottom - 0.24 * 15 - 5, Number(text.text)]);
  return {
    width: Number(root['width']),
    height: Number(root['height']),
    texts,
    textsOf: (className) => texts.filter((text) => text.class === className).map(({ text }) => text),
    valueOf: { x: mapOf(ticks('x')), y: mapOf(ticks('y')) },
    drawn: new Map([...polylines(svg), ...markGroups(svg)]),
    elements: (className) =>
      [...svg.matchAll(new RegExp(`<[a-z]+ class="(${className}(?: [^"]*)?)"([^>]*?)/?>`, 'g'))].map(([, name = '', rest = '']) => ({
        class: name,
        ...attributesOf(rest),
      })),
  };
}

/** What is wrong with the texts of a picture: overlapping one another, or outside. */
export function findTextFaults({ texts, width, height }: OpenedSvg): readonly string[] {
  const cut = texts
    .filter(({ left, right, top, bottom }) => left < 0 || right > width || top < 0 || bottom > height)
    .map(({ text }) => `"${text}" is cut`);
  const overlaps = texts.flatMap((one, index) =>
    texts
      .slice(index + 1)
      .filter((other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom)
      .map((other) => `"${one.text}" overlaps "${other.text}"`),
  );
  return [...cut, ...overlaps];
}

function attributesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/([a-zA-Z-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescape(value)]));
}

const unescape = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

function boxOf(attributes: Readonly<Record<string, string>>, text: string): Text {
  const [x, y, size] = [Number(attributes['x']), Number(attributes['y']), Number(attributes['font-size'] ?? 15)];
  const width = textWidth(text, size, attributes['font-weight'] === 'bold');
  const left = attributes['text-anchor'] === 'middle' ? x - width / 2 : attributes['text-anchor'] === 'end' ? x - width : x;
  const box = { left, right: left + width, top: y - 0.78 * size, bottom: y + 0.24 * size };
  const turned = attributes['transform']?.startsWith('rotate(-90') === true;
  const [up, down] = [0.78 * size, 0.24 * size];
  return {
    class: attributes['class'] ?? '',
    text,
    ...(turned ? { left: x - up, right: x + down, top: y - width / 2, bottom: y + width / 2 } : box),
  };
}

function mapOf(ticks: readonly (readonly [pixel: number, value: number])[]): (pixel: number) => number {
  const [first, last] = [ticks[0], ticks.at(-1)];
  if (first === undefined || last === undefined) return () => Number.NaN;
  return (pixel) => first[1] + ((pixel - first[0]) / (last[0] - first[0])) * (last[1] - first[1]);
}

function* polylines(svg: string): Generator<readonly [string, readonly (readonly [number, number])[]]> {
  for (const [, label = '', points = ''] of svg.matchAll(/<(?:polyline|polygon) [^>]*data-label="([^"]*)"[^>]*points="([^"]*)"/g)) {
    const pairs = points.split(' ').filter((pair) => pair !== '');
    yield [unescape(label), pairs.map((pair) => pair.split(',').map(Number) as [number, number])];
  }
}

function* markGroups(svg: string): Generator<readonly [string, readonly (readonly [number, number])[]]> {
  for (const [, label = '', marks = ''] of svg.matchAll(/<g class="series" data-label="([^"]*)">([\s\S]*?)<\/g>/g)) {
    const points = [...marks.matchAll(/<(circle|rect|path) ([^>]*)>/g)].flatMap(([, tag = '', rest = '']): [number, number][] => {
      const of = attributesOf(rest);
      if (of['class'] === 'error') return [];
      if (tag === 'circle') return [[Number(of['cx']), Number(of['cy'])]];
      if (of['class'] === 'bar') return [[Number(of['x']) + Number(of['width']) / 2, Number(of['y'])]];
      if (tag === 'rect') return [[Number(of['x']) + 4.5, Number(of['y']) + 4.5]];
      const [, x = 'NaN', y = 'NaN'] = /^M(\S+) (\S+)l/.exec(of['d'] ?? '') ?? [];
      return [[Number(x), Number(y) + 6]];
    });
    yield [unescape(label), points];
  }
}
