import { ApiError, type LogRecord, request } from '../api.ts';
import { inFewPieces, type TextPiece, visibleBytes, visiblePieces } from '../visible-text.ts';

/** Which record of a topic. */
export interface RecordPlace {
  /** Of a topic of several partitions; null where it has one. */
  readonly partition: number | null;
  readonly offset: number;
  /** No other record of the topic has it. */
  readonly id: string;
}

export const placeId = (partition: number | null, offset: number): string =>
  partition === null ? String(offset) : `${partition}/${offset}`;

/** A record ready to be shown. */
export interface RecordRow extends RecordPlace {
  /** What who appended it said, ms since 1970. */
  readonly timestamp: number;
  readonly key: readonly TextPiece[] | null;
  readonly pieces: readonly TextPiece[];
  /** Characters, or bytes, that are not shown, for they are too many. */
  readonly cut: number;
}

/** How much of a record is drawn: pieces are elements, of which a page with all its rows has a few ten thousand at most. */
interface Extent {
  readonly charactersMax: number;
  readonly piecesMax: number;
}
const PREVIEW: Extent = { charactersMax: 1000, piecesMax: 60 };
const WHOLE: Extent = { charactersMax: Number.POSITIVE_INFINITY, piecesMax: 5000 };

/** `partition` is of one that was chosen: then records do not say theirs. */
export function rowOf(record: LogRecord, partition: number | null = null, extent = PREVIEW): RecordRow {
  const value = shownText(record.value, record.valueBase64, extent) ?? { pieces: [], cut: 0 };
  const key = shownText(record.key, record.keyBase64, PREVIEW);
  const { offset, timestamp } = record;
  const of = record.partition ?? partition;
  return { partition: of, offset, id: placeId(of, offset), timestamp, key: key?.pieces ?? null, pieces: value.pieces, cut: value.cut };
}

/** What is shown of a record as one text. */
export const rowText = ({ key, pieces }: RecordRow): string => [...(key ?? []), ...pieces].map(({ text }) => text).join('');

type ShownText = Pick<RecordRow, 'pieces' | 'cut'>;

export function shownText(text: string | null | undefined, base64: string | undefined, extent: Extent = PREVIEW): ShownText | null {
  const { charactersMax, piecesMax } = extent;
  if (base64 !== undefined) {
    // Four letters hold three bytes: no more is decoded than is shown.
    const bytes = bytesOf(base64.slice(0, Math.ceil(charactersMax / 3) * 4));
    const length = decodedLength(base64);
    const pieces = inFewPieces(visibleBytes(bytes.subarray(0, charactersMax)), piecesMax);
    return { pieces, cut: Math.max(0, length - charactersMax) };
  }
  if (text === null || text === undefined) return null;
  if (text.length <= charactersMax) return { pieces: inFewPieces(visiblePieces(text), piecesMax), cut: 0 };
  return { pieces: inFewPieces(visiblePieces(beginningOf(text, charactersMax)), piecesMax), cut: text.length - charactersMax };
}

/** A copy: a slice would keep all of the text in memory, for as long as its row is shown. */
const beginningOf = (text: string, length: number): string => text.slice(0, length).split('').join('');

const decodedLength = (base64: string): number => (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** One record with all that it holds, asked for again: rows do not keep what they do not show. */
export async function fetchRecord(topic: string, { partition, offset }: RecordPlace): Promise<LogRecord> {
  // One of the time when there was one is in the first.
  const which = `&partition=${partition ?? 0}`;
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?from=${offset}&max=1&level=local&logTime=true${which}`);
  const [record] = ((await response.json()) as { readonly records: readonly LogRecord[] }).records;
  if (record?.offset !== offset) throw new ApiError(404, 'offsetOutOfRange', 'This record is not kept any more', true);
  return record;
}

export async function fetchWhole(topic: string, row: RecordRow): Promise<RecordRow> {
  return rowOf(await fetchRecord(topic, row), row.partition, WHOLE);
}

interface ShownHeader {
  readonly name: readonly TextPiece[];
  readonly value: readonly TextPiece[];
  readonly cut: number;
}

export function shownHeaders({ headers = {} }: LogRecord): readonly ShownHeader[] {
  return Object.entries(headers).map(([name, value]) => {
    const shown = typeof value === 'object' && value !== null ? shownText(null, value.base64) : shownText(value, undefined);
    return {
      name: shownText(name, undefined)?.pieces ?? [],
      value: shown?.pieces ?? [{ text: 'null', escaped: true }],
      cut: shown?.cut ?? 0,
    };
  });
}

/** Of the value, in bytes. */
export function valueBytes({ value, valueBase64 }: LogRecord): number {
  if (valueBase64 !== undefined) return decodedLength(valueBase64);
  return new TextEncoder().encode(value ?? '').length;
}
