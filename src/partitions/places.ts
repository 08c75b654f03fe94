/**
 * A place in a topic of several partitions, as text: `v1.` and a place in each partition, in their order, between dots:
 *
 *     `-`              where the partition begins
 *     `_` and a number the first record whose log time is at least this, in ms since 1970
 *     a number         the offset of the next record
 *
 * Numbers are in base 36. Whoever is given it hands it back and need not know what it says. A partition that was added later is not in it, and begins at
 * its beginning: nobody has read anything of it.
 */
export type PartitionPlace =
  | { readonly from: 'start' }
  | { readonly from: 'since'; readonly timeMs: number }
  | { readonly from: 'offset'; readonly offset: number };

const version = 'v1';
const radix = 36;

export const isPlaces = (text: string): boolean => text.startsWith(`${version}.`);

export const encodePlaces = (places: readonly PartitionPlace[]): string =>
  [version, ...places.map((place) => encodePlace(place))].join('.');

function encodePlace(place: PartitionPlace): string {
  if (place.from === 'start') return '-';
  return place.from === 'since' ? `_${place.timeMs.toString(radix)}` : place.offset.toString(radix);
}

/** The text of these places with another offset in one of them: the rest is written once. */
export function placesAround(places: readonly PartitionPlace[], partition: number): (offset: number) => string {
  const before = encodePlaces(places.slice(0, partition));
  const rest = places
    .slice(partition + 1)
    .map((place) => `.${encodePlace(place)}`)
    .join('');
  return (offset) => `${before}.${offset.toString(radix)}${rest}`;
}

/** Null for what is none, or names more partitions than the topic's `count`. */
export function decodePlaces(text: string, count: number): readonly PartitionPlace[] | null {
  const [first, ...parts] = text.split('.');
  if (first !== version || parts.length === 0 || parts.length > count) return null;
  const places: PartitionPlace[] = [];
  for (const part of parts) {
    const place = decodePlace(part);
    if (place === null) return null;
    places.push(place);
  }
  while (places.length < count) places.push({ from: 'start' });
  return places;
}

function decodePlace(part: string): PartitionPlace | null {
  if (part === '-') return { from: 'start' };
  const isTime = part.startsWith('_');
  const digits = isTime ? part.slice(1) : part;
  const value = /^(0|[1-9a-z][0-9a-z]{0,10})$/.test(digits) ? Number.parseInt(digits, radix) : Number.NaN;
  if (!Number.isSafeInteger(value)) return null;
  return isTime ? { from: 'since', timeMs: value } : { from: 'offset', offset: value };
}
