/** `Searcher` for topics: a search of this machine's own replica, through the port, or of what comes to it from now on. */
import { Buffer } from 'node:buffer';
import {
  describeOffsets,
  LogError,
  type RecordsOf,
  type ScanBegun,
  type ScanGap,
  type ScanResult,
  type SearchableLog,
} from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import {
  forEachTimedLine,
  type GrepAnswer,
  type GrepAsker,
  isForGrep,
  type Output,
  type SearchRequest,
  type TopicSource,
  wantsTimes,
} from '../../query/index.ts';
import type { AnswerSink, Searcher, SearchTrace } from '../answer.ts';
import { sinkOf, Slots } from '../slots.ts';
import { LinePacker } from '../timed-lines.ts';
import { type Outcome, traced } from '../traced.ts';

export interface TopicsOptions {
  /** The name of this machine. */
  readonly machine: string;
  readonly log: Pick<SearchableLog, 'scan' | 'read' | 'end'>;
  readonly bytes: Bytes;
  /** Says of patterns that only it knows whether they are any, before anything is searched; null where there is none. */
  readonly grep: GrepAsker | null;
}

/** Somebody who waits longer than that has gone away, and a search that nobody waits for is ended by its connection. */
const timeoutMsMax = 24 * 3600 * 1000;
/** How long it is waited for what comes next before it is looked how old the knowledge of this replica is. */
const waitMs = 5_000;
/** A replica that has heard so little of its leader is left for another. */
const asOfMsMax = 10_000;
/** So many ranges that are missing are named one by one: an answer has room for no more. */
const gapsMax = 100;
const detailLengthMax = 200;

/** Searches at once: they share a thread. */
const searchesAtOnce = 4;

export function createTopicsSearcher({ machine, log, bytes, grep }: TopicsOptions): Searcher {
  const slots = new Slots(searchesAtOnce);
  return async (request, sink, signal, trace = null) => {
    const { source } = request;
    if (source.kind !== 'topic') throw new LogError('invalidRequest', 'Cannot search: only topics are searched here');
    const search = new TopicSearch(request, source, { machine, log, bytes, grep }, { slots, sink, signal, trace });
    await (request.follow ? search.follow() : search.once());
  };
}

class TopicSearch {
  readonly #request: SearchRequest;
  readonly #source: TopicSource;
  readonly #log: TopicsOptions['log'];
  readonly #bytes: Bytes;
  readonly #grep: GrepAsker | null;
  readonly #slots: Slots;
  readonly #sink: AnswerSink;
  readonly #signal: AbortSignal;
  readonly #trace: SearchTrace | null;
  readonly #label: string;
  readonly #startedMs = performance.now();
  #hasBegun = false;
  #arePatternsTaken = false;
  /** Lines given. */
  #lines = 0;
  /** Of the last of them. */
  #timeMs = Number.NEGATIVE_INFINITY;

  constructor(
    request: SearchRequest,
    source: TopicSource,
    { machine, log, bytes, grep }: TopicsOptions,
    {
      slots,
      sink,
      signal,
      trace,
    }: { readonly slots: Slots; readonly sink: AnswerSink; readonly signal: AbortSignal; readonly trace: SearchTrace | null },
  ) {
    this.#request = request;
    this.#source = source;
    this.#log = log;
    this.#bytes = bytes;
    this.#grep = grep;
    this.#slots = slots;
    this.#sink = sink;
    this.#signal = signal;
    this.#trace = trace;
    const which = source.partitions === null || source.partition === null ? '' : `/${source.partition}`;
    this.#label = source.label ?? `${machine}:${source.topic}${which}`;
  }

  async once(): Promise<void> {
    const { output } = this.#request;
    const result = await this.#scan(this.#source, this.#request.sinceMs, output);
    const named = isUnsearched(result) ? Buffer.alloc(0) : namesOf(this.#request, this.#label, result.selected);
    if (named.length > 0) await this.#sink.bytes(named);
    this.#end(result);
  }

  /** What is committed from its beginning on, until who asked goes away, enough was found, or its time is over. */
  async follow(): Promise<void> {
    const { topic } = this.#source;
    let { sinceMs, output } = this.#request;
    let offsetFrom = this.#source.offsetFrom;
    if (offsetFrom === null && sinceMs === null) {
      offsetFrom = (await this.#log.end({ ...recordsOf(this.#source), freshness: 'linearizable' })).offset;
    }
    let selected = 0;
    for (let freshness: TopicSource['freshness'] = 'linearizable'; ; freshness = 'local') {
      const result = await this.#scan({ ...this.#source, offsetFrom, freshness }, sinceMs, output);
      selected += result.selected;
      const { offsetTo, highWatermark } = result;
      this.#sink.reached({ offsetTo, lines: this.#lines });
      const left = output.maxCount === null ? null : output.maxCount - result.selected;
      // Without a limit only the end of its time keeps it from what is committed.
      const isOver = left === 0 || offsetTo < highWatermark;
      if (this.#signal.aborted || isOver) return this.#end({ ...result, selected });
      for (const gap of result.gaps) this.#sink.note(`topic ${topic}, ${describeOffsets(gap.offsetFrom, gap.offsetTo)}: ${reasonOf(gap)}`);
      output = { ...output, maxCount: left };
      offsetFrom = offsetTo;
      sinceMs = null;
      await this.#untilMore(offsetFrom);
    }
  }

  /** Until something is committed at this offset. */
  async #untilMore(offsetFrom: number): Promise<void> {
    const { topic } = this.#source;
    while (!this.#signal.aborted) {
      const { cancel, release } = cancelledBy(this.#signal);
      const common = { ...recordsOf(this.#source), offsetFrom, sinceMs: null, bytesMax: 1, freshness: 'local', sessionOffset: 0 } as const;
      try {
        const { highWatermark, asOfMs } = await this.#log.read({ ...common, waitMs, cancel });
        if (highWatermark > offsetFrom) return;
        if (asOfMs > asOfMsMax) {
          const message = `Cannot follow topic "${topic}" here: it was last current ${Math.round(asOfMs / 1000)} s ago`;
          throw new LogError('notCurrent', message);
        }
      } catch (error) {
        // What was there has been removed: the next search says so.
        if (error instanceof LogError && error.code === 'offsetOutOfRange') return;
        throw error;
      } finally {
        release();
      }
    }
  }

  async #scan(source: TopicSource, sinceMs: number | null, output: Output): Promise<ScanResult> {
    const { match, engine, index, untilMs, form } = this.#request;
    const { where, offsetFrom, offsetTo, freshness, sessionOffset } = source;
    const isTimed = wantsTimes(this.#request);
    const query = { match, where, output, engine, index, form, name: this.#label, isTimed };
    const askedMs = performance.now();
    // Whoever goes away meanwhile is told what was not searched, by a search that ends at once.
    const slot = await traced(this.#trace, { name: 'wait' }, () => this.#slots.take(this.#signal, this.#sink)).catch(() => null);
    const sink = slot === null ? this.#sink : sinkOf(slot, this.#sink);
    const timeoutMs = Math.max(1, Math.floor((source.timeoutMs ?? timeoutMsMax) - (performance.now() - askedMs)));
    const { cancel, release } = cancelledBy(this.#signal);
    const common = { ...recordsOf(source), offsetFrom, offsetTo, sinceMs, untilMs, freshness, sessionOffset };
    const scan = (): Promise<ScanResult> =>
      this.#log.scan(
        { ...common, query, timeoutMs, cancel },
        {
          begin: (begun) => this.#begin(begun),
          take: ({ bytes, lines, offsetTo: reached }, next) => {
            const wait = isTimed ? this.#sendTimed(bytes, sink) : sink.bytes(bytes);
            this.#lines += lines;
            this.#sink.reached({ offsetTo: reached, lines: this.#lines });
            if (wait === undefined) next();
            else void wait.then(next, next);
          },
        },
      );
    try {
      if (slot !== null) await this.#refusePatterns();
      const { topic, partition } = source;
      return await traced(this.#trace, { name: 'scan', fields: { topic, partition: partition ?? 0 } }, scan, scanned);
    } finally {
      slot?.release();
      release();
    }
  }

  /** As grep does: a pattern that is none is refused at once, of an empty topic too. */
  async #refusePatterns(): Promise<void> {
    const { match, engine } = this.#request;
    const grep = this.#grep;
    if (this.#arePatternsTaken || grep === null || !isForGrep(match, engine, this.#bytes)) return;
    const question = { match, lines: [new Uint8Array()], wantsSpans: false };
    const answer = await new Promise<GrepAnswer>((done) => grep.ask(question, done));
    if (!answer.ok && answer.isBadPattern) throw new LogError('invalidRequest', `Cannot search: ${answer.reason}`);
    // Whatever else is in its way is told of the records that it is to be asked about.
    this.#arePatternsTaken = true;
  }

  #sendTimed(bytes: Uint8Array, sink: AnswerSink): Promise<void> | undefined {
    const packer = new LinePacker();
    forEachTimedLine(bytes, (timeMs, line) => {
      // What bears no time is of when it came, or of the record before it.
      if (timeMs >= 0) this.#timeMs = timeMs;
      else if (this.#request.follow) this.#timeMs = Date.now();
      packer.add({ part: 0, timeMs: this.#timeMs, bytes: line, isBeginning: true, isEnd: true });
    });
    // All at once, so that what is said of them stands behind them.
    const waits = packer.take().flatMap((payload) => sink.lines(payload) ?? []);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  #begin(begun: ScanBegun): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#sink.begin({ name: this.#source.topic, label: this.#label, engine: 'linear', engineReason: null, begun });
    if (this.#request.follow) this.#sink.reached({ offsetTo: begun.offsetFrom, lines: 0 });
  }

  #end(result: ScanResult): void {
    const { onlyMatching, mode } = this.#request.output;
    const { selected, gaps, stats } = result;
    this.#sink.end({
      isSelected: selected > 0,
      // As of files: what is printed is counted.
      selected: onlyMatching && mode === 'lines' ? this.#lines : selected,
      bytesSearched: stats.bytesRead,
      elapsedMs: Math.round((performance.now() - this.#startedMs) * 10) / 10,
      problem: problemOf(gaps),
      topic: { ...result, gaps: inFewGaps(gaps) },
    });
  }
}

/** As a span tells of it. */
const scanned = ({ offsetFrom, offsetTo, selected, gaps, stats }: ScanResult): Outcome => ({
  error: problemOf(gaps),
  fields: { offsetFrom, offsetTo, selected, engine: stats.engine, bytesRead: stats.bytesRead, bytesSkipped: stats.bytesSkipped },
});

const recordsOf = ({ topic, partition }: TopicSource): RecordsOf => (partition === null ? { topic } : { topic, partition });

interface Cancel {
  readonly cancel: { cancelled: boolean; onCancel: (() => void) | null };
  readonly release: () => void;
}

function cancelledBy(signal: AbortSignal): Cancel {
  const cancel: Cancel['cancel'] = { cancelled: signal.aborted, onCancel: null };
  const stop = (): void => {
    cancel.cancelled = true;
    cancel.onCancel?.();
  };
  signal.addEventListener('abort', stop, { once: true });
  return { cancel, release: () => signal.removeEventListener('abort', stop) };
}

/** What grep prints of a file beside its lines: how many are selected, or its name. */
function namesOf({ match, output }: SearchRequest, label: string, selected: number): Uint8Array {
  const { mode, maxCount, withName, nullAfterName, color } = output;
  const painted = (text: string, colour: string): string => (color ? `\u001b[${colour}m\u001b[K${text}\u001b[m\u001b[K` : text);
  const name = painted(label, '35');
  if (mode === 'count') {
    // Whoever wants no line, or has no pattern that one could match, is told nothing: so GNU grep does.
    const hasNone = match.patterns.length === 0 && !match.invert;
    if (maxCount === 0 || hasNone) return Buffer.alloc(0);
    const separator = nullAfterName ? '\0' : painted(':', '36');
    return Buffer.from(`${withName ? name + separator : ''}${selected}\n`);
  }
  const isNamed = (mode === 'with' && selected > 0) || (mode === 'without' && selected === 0);
  return Buffer.from(isNamed ? `${name}${nullAfterName ? '\0' : '\n'}` : '');
}

/** Nothing of it was searched, as where a pattern is none: a count of 0 would say that nothing is there. */
const isUnsearched = ({ offsetFrom, offsetTo, gaps }: ScanResult): boolean =>
  offsetTo > offsetFrom && gaps.some((gap) => gap.offsetFrom <= offsetFrom && gap.offsetTo >= offsetTo);

/** Beyond a number of them the rest are one, which says too much rather than too little. */
function inFewGaps(gaps: readonly ScanGap[]): readonly ScanGap[] {
  const short = gaps.slice(0, gapsMax).map((gap) => ({ ...gap, detail: gap.detail?.slice(0, detailLengthMax) ?? null }));
  const [next, last] = [gaps[gapsMax], gaps.at(-1)];
  if (next === undefined || last === undefined) return short;
  const offsetTo = Math.max(...gaps.slice(gapsMax).map((gap) => gap.offsetTo));
  const detail = `${gaps.length - gapsMax} ranges within this one`;
  return [...short, { offsetFrom: next.offsetFrom, offsetTo, reason: last.reason, detail }];
}

/** What is not in the answer, for people. */
function problemOf(gaps: readonly ScanGap[]): string | null {
  const [first] = gaps;
  if (first === undefined) return null;
  const more = gaps.length === 1 ? '' : `, and ${gaps.length - 1} more ranges are missing`;
  return `${describeOffsets(first.offsetFrom, first.offsetTo)}: ${reasonOf(first)}${more}`;
}

function reasonOf({ reason, detail }: ScanGap): string {
  const why = detail === null ? '' : ` (${detail.slice(0, detailLengthMax)})`;
  switch (reason) {
    case 'removed':
      return `removed by retention or with the topic${why}`;
    case 'damaged':
      return `damaged on the disk of this broker${why}`;
    case 'unreadable':
      return `refused by the disk of this broker${why}`;
    case 'stopped':
      return `not searched${why}`;
    case 'context':
      return detail ?? 'less context is shown than there is';
  }
}
