/**
 * A search of the records of one partition: batches go in, in the order of the log, and what grep would print comes out. Selection, context, limits and
 * the forms of a line are here, and nothing about where batches come from: a twin in memory, a segment file, a simulated disk.
 *
 *     const search = made.value;                      // makeRecordSearch(query, place, host)
 *     search.take(batch, offsetFrom, offsetTo);       // its records in that range; one batch after another, and `gap()` where something is missing
 *     if (search.mustSettle) yield* search.settle();  // GNU grep is asked where it must be; then lines are written
 *     if (search.outputBytes > enough) give(search.takeOutput());
 *     if (search.isDone) ...                          // -m, -l, -q: nothing more is wanted
 *
 * Context never reaches across a gap: a group ends there, and the next one begins behind a separator.
 */
import { failed, ok, type Result } from '../../base/result.ts';
import { type Task, wait } from '../../base/task.ts';
import { baseOffset, forEachRecord, forEachRecordAt, recordAt, recordCount, type RecordCursor } from '../../record/index.ts';
import { makeFilter, type RecordFilter } from '../fields.ts';
import { type GrepAnswer, type GrepAsker, makeMatcher, type Matcher, type MatcherHost, type UsedEngine } from '../matcher/index.ts';
import type { Engine, Filter, Match, Output } from '../request.ts';
import { writeJson } from './json-line.ts';
import { LineWriter } from './line-writer.ts';

/** What of a search is done where the records are. */
export interface RecordQuery {
  readonly match: Match;
  readonly where: readonly Filter[];
  readonly output: Output;
  readonly engine: Engine;
  /** Whether filters of blocks may say what need not be read. */
  readonly index: boolean;
  /** `text`: as grep prints lines. `json`: an object for each selected record and each of its context, with key, headers and times. */
  readonly form: 'text' | 'json';
  /** Stands in front of each line, if the output is to have names. */
  readonly name: string;
  /** Each line comes with the time of its record, as `forEachTimedLine` reads it. */
  readonly isTimed: boolean;
}

export interface SearchHost extends MatcherHost {
  /** Null where there is no GNU grep to ask. */
  readonly grep: GrepAsker | null;
}

/** Records of context in front of a line at most: they are held while nobody knows whether a line comes. */
const contextMax = 10_000;
/** Of what is held for that: beyond it the oldest is let go, which is told. */
const heldBytesMax = 16 * 1024 * 1024;
/** Records that GNU grep is asked about at once. */
const askedBytesMax = 2 * 1024 * 1024;
const askedLinesMax = 20_000;

export function makeRecordSearch(query: RecordQuery, host: SearchHost): Result<RecordSearch, string> {
  const { output } = query;
  if (output.byteOffsets) return failed('-b counts the bytes of a file, and a topic has offsets: -n prints them');
  if (output.nullData) return failed('-z is about the lines of a file, and a record is one line whatever is in it');
  if ((output.before ?? 0) > contextMax || (output.after ?? 0) > contextMax)
    return failed(`at most ${contextMax} records of context are shown`);
  const matcher = makeMatcher(query.match, query.engine, host);
  if (!matcher.ok) return matcher;
  const filter = query.where.length === 0 ? null : makeFilter(query.where, host);
  if (filter?.ok === false) return filter;
  return ok(new RecordSearch(query, matcher.value, filter?.value ?? null, host));
}

const no = 0;
const yes = 1;
const ask = 2;

/** One batch, its records in range judged. */
interface Page {
  readonly batch: Uint8Array;
  readonly offsetFrom: number;
  readonly offsetTo: number;
  /** Of its first record among all that were seen. Gaps count too, so that what is beside one is nobody's neighbour. */
  readonly first: number;
  /** Of its first record in range. */
  readonly firstOffset: number;
  /** Of its records in range, whether they are among `places` or not. */
  readonly recordCount: number;
  readonly places: Places;
  /** One for each record: `no`, `yes` or `ask`. */
  readonly verdicts: Uint8Array;
  asks: number;
  /** What GNU grep said of where matches are, by record. */
  spans: Map<number, readonly number[]> | null;
}

/** Where the records of a page are: the value is [from, to) of the batch. All in range, or those that may be selected where nothing else is ever written. */
interface Places {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Times that the records bear; empty where they are not wanted. */
  readonly timesMs: Float64Array;
  /** Where each record begins; empty where only its value is wanted. */
  readonly records: Int32Array;
}

const lengthOf = ({ places }: Page, index: number): number => (places.to[index] as number) - (places.from[index] as number);

/** A record of a page. */
interface Held {
  readonly page: Page;
  readonly index: number;
}

export class RecordSearch {
  readonly #query: RecordQuery;
  readonly #matcher: Matcher;
  readonly #filter: RecordFilter | null;
  readonly #host: SearchHost;
  readonly #writer: LineWriter;
  /** Whether it matters where in a line a match is. */
  readonly #wantsSpans: boolean;
  /** Judged, and waiting for what GNU grep is to be asked. */
  #waiting: Page[] = [];
  #asks = 0;
  #waitingBytes = 0;
  /** The last records that were not written, for context in front of what comes. */
  #held: Held[] = [];
  #heldBytes = 0;
  /** Some were let go that would still be context. */
  #isHeldCut = false;
  /** Records that came in, gaps counted as one more. */
  #seen = 0;
  /** The same count, of what has been through the writing. */
  #through = 0;
  #lastWritten = -1;
  #hasWritten = false;
  #afterLeft = 0;
  #isStopping = false;
  #isDone: boolean;
  #offsetReached = 0;
  #failure: string | null = null;
  /** Of the batch that is being judged: where each needed text is next. */
  readonly #next: number[];
  /** A record without any needed text is never written and nobody's neighbour. */
  readonly #passesOthers: boolean;
  selected = 0;
  /** Records that GNU grep was asked about. */
  asked = 0;
  /** Selected records with less context in front of them than there is: it was too long to be held. */
  contextsCut = 0;

  constructor(query: RecordQuery, matcher: Matcher, filter: RecordFilter | null, host: SearchHost) {
    this.#query = query;
    this.#matcher = matcher;
    this.#filter = filter;
    this.#host = host;
    this.#writer = new LineWriter(query, host.bytes);
    const { mode, maxCount, onlyMatching, color, before, after } = query.output;
    this.#wantsSpans = mode === 'lines' && (onlyMatching || color || query.form === 'json');
    this.#isDone = maxCount === 0;
    this.#next = (matcher.needed ?? []).map(() => -1);
    const isAlone = mode !== 'lines' || ((before ?? 0) === 0 && (after ?? 0) === 0);
    this.#passesOthers = isAlone && !query.match.invert && matcher.needed !== null && !matcher.neededIgnoresCase;
  }

  get engine(): UsedEngine {
    return this.#matcher.engine;
  }

  /** Nothing that could still come would change anything. */
  get isDone(): boolean {
    return this.#isDone || this.#failure !== null;
  }

  /** Why GNU grep could not be asked; what was found until then stands. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Behind the last record whose fate is known: how far a search has come that is done. */
  get offsetReached(): number {
    return this.#offsetReached;
  }

  get outputBytes(): number {
    return this.#writer.length;
  }

  takeOutput(): { readonly bytes: Uint8Array; readonly lines: number } {
    const { lineCount } = this.#writer;
    return { bytes: this.#writer.take(), lines: lineCount };
  }

  /** Texts of which a batch has at least one if any record of it matches; null where a record may be selected without. */
  get neededTexts(): readonly Uint8Array[] | null {
    return this.#query.match.invert || this.#matcher.neededIgnoresCase ? null : this.#matcher.needed;
  }

  /** `neededTexts` for filters of blocks, which know no case. */
  get filterTexts(): { readonly texts: readonly Uint8Array[]; readonly ignoreCase: boolean } | null {
    const { needed, neededIgnoresCase } = this.#matcher;
    return this.#query.match.invert || needed === null ? null : { texts: needed, ignoreCase: neededIgnoresCase };
  }

  /** Records in front of a selected one that may be written with it. */
  get linesBefore(): number {
    const { mode, before } = this.#query.output;
    return mode === 'lines' ? (before ?? 0) : 0;
  }

  /** Context was asked for, so that it matters who is whose neighbour. */
  get hasContext(): boolean {
    const { before, after } = this.#query.output;
    return before !== null || after !== null;
  }

  /** No batch that came in is looked at again. */
  get holdsNothing(): boolean {
    return this.#held.length === 0 && this.#waiting.length === 0;
  }

  /** A batch that has none of `neededTexts` need not come here at all: nothing of it is context, as far as is known by now. */
  get mayPass(): boolean {
    return (this.#query.output.before ?? 0) === 0 && this.owesNothing;
  }

  /** Nothing that comes next is context of what was selected, as far as is known by now. */
  get owesNothing(): boolean {
    return this.#afterLeft === 0 && this.#waiting.length === 0;
  }

  // ------------------------------------------------------------------------------------------------------------------ in

  /** The records of a batch at offsets in [offsetFrom, offsetTo). The batch must not change until it has been written. */
  take(batch: Uint8Array, offsetFrom: number, offsetTo: number): void {
    const page = this.#judge(batch, offsetFrom, offsetTo);
    this.#seen += page.recordCount;
    if (page.asks === 0 && this.#waiting.length === 0) return this.#write(page);
    this.#waiting.push(page);
    this.#asks += page.asks;
    this.#waitingBytes += batch.length;
  }

  /** Something is missing here, or was left out because nothing of it could be wanted: nobody is a neighbour across it. */
  gap(): void {
    this.#seen++;
  }

  /** So much waits that it should be asked about now. */
  get mustSettle(): boolean {
    return this.#waiting.length > 0 && (this.#waitingBytes >= askedBytesMax || this.#asks >= askedLinesMax);
  }

  /** Everything that came in has been through. */
  get isSettled(): boolean {
    return this.#waiting.length === 0;
  }

  /** Asks what has to be asked, and writes what waited for it. */
  *settle(): Task<void> {
    const pages = this.#waiting;
    this.#waiting = [];
    this.#asks = 0;
    this.#waitingBytes = 0;
    if (pages.length > 0) yield* this.#ask(pages);
    for (const page of pages) if (!this.isDone) this.#write(page);
  }

  // --------------------------------------------------------------------------------------------------------------- judging

  #judge(batch: Uint8Array, offsetFrom: number, offsetTo: number): Page {
    const offsets: number[] = [];
    const froms: number[] = [];
    const tos: number[] = [];
    const verdicts: number[] = [];
    const timesMs: number[] = [];
    const records: number[] = [];
    let asks = 0;
    this.#next.fill(-1);
    const judge = (record: RecordCursor): boolean => {
      if (record.offset < offsetFrom) return true;
      if (record.offset >= offsetTo) return false;
      const from = Math.max(record.valueFrom, 0);
      const to = Math.max(record.valueTo, 0);
      const verdict = this.#judgeRecord(record, batch, from, to);
      if (verdict === no && this.#passesOthers) return true;
      if (verdict === ask) asks++;
      offsets.push(record.offset);
      froms.push(from);
      tos.push(to);
      verdicts.push(verdict);
      if (this.#query.isTimed) timesMs.push(record.timestampMs);
      if (this.#query.form === 'json') records.push(record.recordFrom);
      return true;
    };
    if (this.#passesOthers) forEachRecordAt(batch, (from) => this.#nextNeeded(batch, from), judge);
    else forEachRecord(batch, judge);
    const places = {
      count: offsets.length,
      offsets: Float64Array.from(offsets),
      from: Int32Array.from(froms),
      to: Int32Array.from(tos),
      timesMs: Float64Array.from(timesMs),
      records: Int32Array.from(records),
    };
    const firstOffset = Math.max(offsetFrom, baseOffset(batch));
    const inRange = Math.max(0, Math.min(offsetTo, baseOffset(batch) + recordCount(batch)) - firstOffset);
    const page = { batch, offsetFrom, offsetTo, first: this.#seen, firstOffset, recordCount: inRange, places };
    return { ...page, verdicts: Uint8Array.from(verdicts), asks, spans: null };
  }

  /** A verdict about being selected; `ask` is about matching. */
  #judgeRecord(record: RecordCursor, batch: Uint8Array, from: number, to: number): number {
    const { invert } = this.#query.match;
    const mayMatch = this.#mayMatch(batch, from, to);
    if (!mayMatch && !invert) return no;
    if (this.#filter?.passes(record) === false) return no;
    if (!mayMatch) return yes;
    if (this.#matcher.isNeededEnough) return invert ? no : yes;
    const verdict = this.#matcher.judge(batch, from, to);
    if (verdict === 'ask') return ask;
    if (verdict === 'yes' && this.#wantsSpans && !this.#matcher.spans(batch, from, to, [])) return ask;
    return (verdict === 'yes') !== invert ? yes : no;
  }

  #mayMatch(batch: Uint8Array, from: number, to: number): boolean {
    const { needed, neededIgnoresCase } = this.#matcher;
    if (needed === null || neededIgnoresCase) return true;
    for (let index = 0; index < needed.length; index++) {
      if (this.#nextOf(batch, index, from) + (needed[index] as Uint8Array).length <= to) return true;
    }
    return false;
  }

  /** Where the first of the needed texts is, at or behind a position. */
  #nextNeeded(batch: Uint8Array, from: number): number {
    const count = this.#matcher.needed?.length ?? 0;
    let first = Number.POSITIVE_INFINITY;
    for (let index = 0; index < count; index++) first = Math.min(first, this.#nextOf(batch, index, from));
    return first;
  }

  /** Records come in order, so each needed text is found once. */
  #nextOf(batch: Uint8Array, index: number, from: number): number {
    const known = this.#next[index] as number;
    if (known >= from) return known;
    const found = this.#host.bytes.indexOf(batch, this.#matcher.needed?.[index] as Uint8Array, from);
    const at = found < 0 ? Number.POSITIVE_INFINITY : found;
    this.#next[index] = at;
    return at;
  }

  // ---------------------------------------------------------------------------------------------------------------- asking

  *#ask(pages: readonly Page[]): Task<void> {
    const { grep } = this.#host;
    const about: Held[] = [];
    for (const page of pages) for (let i = 0; i < page.places.count; i++) if (page.verdicts[i] === ask) about.push({ page, index: i });
    if (about.length === 0) return;
    if (grep === null) {
      this.#failure = 'there is no GNU grep here, which these patterns need';
      return;
    }
    const lines = about.map(({ page, index }) => page.batch.subarray(page.places.from[index], page.places.to[index]));
    this.asked += lines.length;
    const question = { match: this.#query.match, lines, wantsSpans: this.#wantsSpans };
    const answer = yield* wait<GrepAnswer>((done) => grep.ask(question, done));
    if (!answer.ok) {
      this.#failure = answer.reason;
      return;
    }
    const { invert } = this.#query.match;
    for (const [i, { page, index }] of about.entries()) {
      page.verdicts[index] = answer.matched[i] !== invert ? yes : no;
      const spans = answer.spans[i];
      if (spans === undefined) continue;
      const from = page.places.from[index] as number;
      page.spans ??= new Map();
      page.spans.set(
        index,
        spans.map((at) => from + at),
      );
    }
  }

  // --------------------------------------------------------------------------------------------------------------- writing

  #write(page: Page): void {
    if (page.first !== this.#through) this.#endGroup();
    this.#through = page.first + page.recordCount;
    const { count } = page.places;
    for (let i = 0; i < count && !this.#isDone; i++) {
      if (page.verdicts[i] === yes && !this.#isStopping) this.#select(page, i);
      else if (this.#afterLeft > 0) {
        this.#afterLeft--;
        this.#line('context', page, i);
      } else this.#hold(page, i);
      this.#offsetReached = (page.places.offsets[i] as number) + 1;
      if (this.#isStopping && this.#afterLeft === 0) this.#isDone = true;
    }
    if (!this.#isDone) this.#offsetReached = Math.max(this.#offsetReached, page.offsetTo);
  }

  #select(page: Page, index: number): void {
    const { mode, maxCount, after } = this.#query.output;
    this.selected++;
    if (mode === 'lines') {
      if (this.#isHeldCut) this.contextsCut++;
      for (const held of this.#held) this.#line('context', held.page, held.index);
      this.#letGo();
      this.#line('selected', page, index);
      this.#afterLeft = after ?? 0;
    } else if (mode !== 'count') this.#isDone = true;
    if (this.selected === maxCount) this.#isStopping = true;
  }

  #hold(page: Page, index: number): void {
    const { mode } = this.#query.output;
    const before = this.#query.output.before ?? 0;
    if (before === 0 || mode !== 'lines') return;
    this.#held.push({ page, index });
    this.#heldBytes += lengthOf(page, index);
    const isTooLong = this.#heldBytes > heldBytesMax;
    if (this.#held.length <= before && !isTooLong) return;
    const oldest = this.#held.shift() as Held;
    this.#heldBytes -= lengthOf(oldest.page, oldest.index);
    this.#isHeldCut = this.#held.length < before;
  }

  #letGo(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#isHeldCut = false;
  }

  #endGroup(): void {
    this.#letGo();
    this.#afterLeft = 0;
    this.#lastWritten = -1;
    if (this.#isStopping) this.#isDone = true;
  }

  #line(kind: 'selected' | 'context', page: Page, index: number): void {
    const { onlyMatching, before, after, groupSeparator } = this.#query.output;
    const at = page.first + (page.places.offsets[index] as number) - page.firstOffset;
    const isText = this.#query.form === 'text';
    const timeMs = page.places.timesMs[index] ?? 0;
    // Of no lines too: then every line that is no neighbour of the one before it is a group.
    const hasContext = before !== null || after !== null;
    if (hasContext && groupSeparator !== null && this.#hasWritten && at !== this.#lastWritten + 1 && isText)
      this.#writer.groupSeparator(timeMs);
    this.#hasWritten = true;
    this.#lastWritten = at;
    const { places, batch } = page;
    const parts = {
      bytes: batch,
      from: places.from[index] as number,
      to: places.to[index] as number,
      offset: places.offsets[index] as number,
      timeMs,
    };
    const spans = this.#spansOf(kind, page, index);
    if (!isText) this.#writer.text(writeJson(kind, recordAt(batch, places.records[index] as number), spans, this.#host.bytes), timeMs);
    else if (!onlyMatching) this.#writer.line(kind, parts, spans);
    else for (let i = 0; i < spans.length; i += 2) this.#writer.part(kind, parts, spans[i] as number, spans[i + 1] as number);
  }

  /** Matches are where a line was selected for them; with `-v` they are in its context. */
  #spansOf(kind: 'selected' | 'context', page: Page, index: number): readonly number[] {
    if (!this.#wantsSpans || (kind === 'selected') === this.#query.match.invert) return [];
    const known = page.spans?.get(index);
    if (known !== undefined) return known;
    const spans: number[] = [];
    this.#matcher.spans(page.batch, page.places.from[index] as number, page.places.to[index] as number, spans);
    return spans;
  }
}
