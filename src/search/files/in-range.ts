/** A range of time of a file: only its lines are searched, and their numbers are those of the file. */
import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
import { LineTime, type LineTimeOptions, parseTimeFormat, PlaceRewriter, type SearchRequest, TimeFilter } from '../../query/index.ts';

export const hasRange = ({ sinceMs, untilMs }: Pick<SearchRequest, 'sinceMs' | 'untilMs'>): boolean => sinceMs !== null || untilMs !== null;

/** How this machine reads times: a line that names no zone is of its own. */
export function lineTimeOf({ timeFormat }: Pick<SearchRequest, 'timeFormat'>): LineTime {
  const parsed = timeFormat === null ? null : parseTimeFormat(timeFormat);
  const format: LineTimeOptions['format'] = parsed?.ok === true ? parsed.value : null;
  return new LineTime({ format, nowMs: Date.now(), zoneMinutes: -new Date().getTimezoneOffset() });
}

export interface Range {
  /** Passes on what lies within. */
  readonly within: (source: Readable) => Readable;
  readonly rewriter: PlaceRewriter;
}

export function rangeOf(request: SearchRequest, label: string): Range {
  const { sinceMs, untilMs, output } = request;
  const time = lineTimeOf(request);
  let kept: Uint8Array[] = [];
  const filter = new TimeFilter({
    timeOf: (bytes, from, to) => time.read(bytes, from, to),
    lineEnd: output.nullData ? 0 : 0x0a,
    sinceMs,
    untilMs,
    onKept: (bytes) => void kept.push(bytes),
  });
  const take = (): Uint8Array[] => {
    const taken = kept;
    kept = [];
    return taken;
  };
  async function* lines(source: Readable): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      filter.push(chunk);
      yield* take();
    }
    filter.end();
    yield* take();
  }
  return {
    within: (source) => Readable.from(lines(source), { objectMode: false }),
    rewriter: new PlaceRewriter({
      label: Buffer.from(label),
      output,
      lineOf: (line) => filter.lines.of(line),
      byteOf: (byte) => filter.bytes.of(byte),
    }),
  };
}
