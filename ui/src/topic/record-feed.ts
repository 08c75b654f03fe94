import { ApiError, type LogRecord } from '../api.ts';
import { type Arrival, follow } from './follow.ts';
import { type Ends, fetchEnds, placesAtTime, readBefore, readFrom, type Scope } from './read.ts';
import { type Line, type Places, RecordWindow } from './record-window.ts';
import { rowOf } from './row.ts';

/** Rows kept on the page: the rest is in the topic. */
export const ROWS_MAX = 300;
/** Of a stretch that is read before or behind them. */
const STRETCH = 100;
/** Arrivals wait for the next frame in at most so many characters; the oldest of them give way. */
const WAITING_CHARACTERS_MAX = 8_000_000;
/** Drawn this often at most: nobody reads faster, and a row that is out of sight by then is never made. */
const DRAW_EVERY_MS = 100;
/** So many records behind the end there is no catching up: it goes on at the end. */
const LAG_MAX = 20_000;
const ENDS_EVERY_MS = 1000;
const RETRY_MS = 1000;

export type Start = { readonly at: 'end' } | { readonly at: 'start' } | { readonly at: 'time'; readonly ms: number } | AtOffset;
interface AtOffset {
  readonly at: 'offset';
  readonly offset: number;
}

export interface FeedState {
  readonly lines: readonly Line[];
  readonly rowCount: number;
  /** `live`: what is appended comes; `paused` by hand; `behind` the end, elsewhere in the topic. */
  readonly mode: 'live' | 'paused' | 'behind';
  /** Nothing older is kept. */
  readonly isAtStart: boolean;
  /** Of each partition the first offset kept; empty before it is known. */
  readonly starts: Places;
  readonly ends: Places;
  /** Behind what is on the page. */
  readonly news: number;
  /** Came too fast to be shown since it was last at rest. */
  readonly passedOver: number;
  readonly isReading: boolean;
  /** Why nothing comes. */
  readonly trouble: string | null;
  /** Why older or newer records could not be read, the last time. */
  readonly readTrouble: string | null;
  /** Where a jump led, if not where it was wanted. */
  readonly notice: string | null;
}

/** Before anything is known. */
export const emptyFeed: FeedState = {
  lines: [],
  rowCount: 0,
  mode: 'live',
  isAtStart: true,
  starts: [],
  ends: [],
  news: 0,
  passedOver: 0,
  isReading: true,
  trouble: null,
  readTrouble: null,
  notice: null,
};

/** A stretch of a topic on the page, which follows its end or is moved through it. */
export class RecordFeed {
  readonly #scope: Scope;
  readonly #tell: (state: FeedState) => void;
  #window = new RecordWindow([0]);
  #ends: Ends = { starts: [], ends: [] };
  #mode: FeedState['mode'] = 'live';
  #waiting: Arrival[] = [];
  #waitingCharacters = 0;
  #passedOver = 0;
  #isReading = false;
  /** What had come when it was paused. */
  #pausedTo: Places = [];
  /** Of the stream, and of reading older or newer records. */
  #trouble: string | null = null;
  #readTrouble: string | null = null;
  #notice: string | null = null;
  /** The reader looks at older rows: those are not pushed out. */
  #isHeld = false;
  #stop = new AbortController();
  #stream: AbortController | null = null;
  #drawTimer: ReturnType<typeof setTimeout> | null = null;
  #drawnMs = 0;
  #endsTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(scope: Scope, tell: (state: FeedState) => void) {
    this.#scope = scope;
    this.#tell = tell;
  }

  /** Shows the topic from there on; follows it where that is its end. */
  async start(start: Start): Promise<void> {
    this.#halt();
    const stop = new AbortController();
    this.#stop = stop;
    this.#passedOver = 0;
    this.#notice = null;
    this.#readTrouble = null;
    this.#isHeld = start.at !== 'end';
    this.#mode = start.at === 'end' ? 'live' : 'behind';
    this.#isReading = true;
    this.#told();
    while (!stop.signal.aborted) {
      try {
        const ends = await fetchEnds(this.#scope);
        const places = await this.#placesOf(start, ends);
        if (stop.signal.aborted) return;
        const newest = start.at === 'end' ? await readBefore(this.#scope, places, ends, ROWS_MAX) : null;
        if (stop.signal.aborted) return;
        this.#ends = ends;
        this.#window = new RecordWindow(places);
        this.#trouble = null;
        this.#isReading = false;
        if (newest === null) await this.#readOn();
        else {
          this.#window.prepend(newest.rows, newest.places, ROWS_MAX);
          this.#follow();
        }
        this.#pollEnds();
        break;
      } catch (error) {
        if (stop.signal.aborted) return;
        this.#trouble = sentenceOf(error);
        this.#told();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (!stop.signal.aborted) this.#told();
  }

  stop(): void {
    this.#halt();
  }

  /** Whether the reader has the end in view; where not, nothing that is on the page gives way to what comes. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  pause(): void {
    this.#unfollow();
    this.#mode = 'paused';
    this.#pausedTo = [...this.#window.to];
    this.#told();
  }

  /** Goes on where it was, or at the end where more has come than the page holds. */
  resume(): void {
    if (this.#news > ROWS_MAX) void this.start({ at: 'end' });
    else this.#goLive();
  }

  /** What is before. While the reader has the end in view only so many as there is room for: he follows the newest. */
  async readOlder(): Promise<void> {
    const max = Math.min(STRETCH, this.#olderMax);
    if (this.#isAtStart || max <= 0) return;
    await this.#read(async () => {
      const to = [...this.#window.from];
      const ends = await fetchEnds(this.#scope);
      const { rows, places } = await readBefore(this.#scope, to, ends, max);
      return () => {
        this.#ends = ends;
        // Rows that came meanwhile have pushed some out: what was read does not join on to the others any more.
        if (isBefore(to, this.#window.from)) return;
        // Or they have filled the page.
        if (rows.length > this.#olderMax) return;
        const hasLost = this.#window.prepend(rows, places, ROWS_MAX);
        if (hasLost && this.#mode === 'live') this.#fallBehind();
      };
    });
  }

  /** What follows; at the end it is live again. While it is paused only what had come before. */
  async readNewer(): Promise<void> {
    const hasMore = this.#mode === 'behind' || (this.#mode === 'paused' && isBefore(this.#window.to, this.#pausedTo));
    if (hasMore) await this.#readOn();
  }

  async #readOn(): Promise<void> {
    await this.#read(async () => {
      const from = [...this.#window.to];
      const { rows, places } = await readFrom(this.#scope, from, STRETCH);
      return () => {
        if (isBefore(this.#window.to, from)) return;
        this.#window.append(rows, places, ROWS_MAX);
        if (this.#mode === 'behind' && (rows.length === 0 || this.#news === 0)) this.#goLive();
      };
    });
  }

  /** One reading at a time; what it found is used if the feed has not been moved meanwhile. */
  async #read(find: () => Promise<() => void>): Promise<void> {
    if (this.#isReading) return;
    const { signal } = this.#stop;
    this.#isReading = true;
    this.#told();
    try {
      const use = await find();
      if (signal.aborted) return;
      this.#readTrouble = null;
      use();
    } catch (error) {
      if (!signal.aborted) this.#readTrouble = sentenceOf(error);
    } finally {
      if (!signal.aborted) {
        this.#isReading = false;
        this.#told();
      }
    }
  }

  async #placesOf(start: Start, ends: Ends): Promise<Places> {
    if (start.at === 'end') return ends.ends;
    if (start.at === 'start') return ends.starts;
    if (start.at === 'time') {
      const places = await placesAtTime(this.#scope, start.ms, ends);
      if (places.every((offset, index) => offset >= (ends.ends[index] ?? 0))) this.#notice = 'Nothing has been appended since then';
      return places;
    }
    const [first = 0, end = 0] = [ends.starts[0], ends.ends[0]];
    if (start.offset < first) this.#notice = `Offset ${start.offset} is not kept any more: the first one kept is ${first}`;
    if (start.offset >= end) this.#notice = `Offset ${start.offset} is not there yet: the end is ${end}`;
    return [Math.min(Math.max(start.offset, first), Math.max(first, end - 1))];
  }

  #follow(): void {
    const stream = new AbortController();
    this.#stream = stream;
    this.#mode = 'live';
    const listener = {
      arrived: (arrivals: readonly Arrival[]) => this.#take(arrivals),
      trouble: (message: string | null) => {
        this.#trouble = message;
        this.#told();
      },
    };
    void follow(this.#scope, this.#window.to, listener, stream.signal).then((end) => {
      // What was on the page is not what the topic holds: it begins anew.
      if (end !== 'stopped') void this.start({ at: 'end' });
    });
  }

  #goLive(): void {
    this.#unfollow();
    this.#follow();
    this.#told();
  }

  #fallBehind(): void {
    this.#unfollow();
    this.#mode = 'behind';
  }

  #take(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) {
      this.#waiting.push(arrival);
      this.#waitingCharacters += arrival.data.length;
    }
    let gone = 0;
    while (
      this.#waiting.length - gone > ROWS_MAX ||
      (this.#waitingCharacters > WAITING_CHARACTERS_MAX && this.#waiting.length - gone > 1)
    ) {
      this.#waitingCharacters -= this.#waiting[gone]?.data.length ?? 0;
      gone++;
    }
    if (gone > 0) this.#passOver(gone);
    if (this.#stream === null || this.#drawTimer !== null) return;
    this.#drawTimer = setTimeout(() => this.#draw(), Math.max(0, this.#drawnMs + DRAW_EVERY_MS - performance.now()));
  }

  /** The page shows what came last; the others are in the topic, and a reader who scrolls up finds them. */
  #passOver(count: number): void {
    const last = this.#waiting[count - 1];
    this.#waiting = this.#waiting.slice(count);
    if (last === undefined) return;
    if (this.#isHeld) {
      // He reads what is there: it stays, and the end goes on without him.
      this.#fallBehind();
      return;
    }
    this.#passedOver += count;
    this.#window.passOver(last.next);
  }

  #draw(): void {
    this.#drawTimer = null;
    this.#drawnMs = performance.now();
    const arrivals = this.#isHeld ? this.#waiting.slice(0, Math.max(0, ROWS_MAX - this.#window.rows.length)) : this.#waiting;
    const isAll = arrivals.length === this.#waiting.length;
    const last = arrivals.at(-1);
    if (last !== undefined) {
      const rows = arrivals.map(({ data }) => rowOf(JSON.parse(data) as LogRecord, this.#scope.partition));
      this.#window.append(rows, last.next, ROWS_MAX);
      if (last.next.length > this.#ends.ends.length) void this.#refreshEnds();
    }
    this.#waiting = [];
    this.#waitingCharacters = 0;
    if (!isAll) this.#fallBehind();
    this.#told();
  }

  #unfollow(): void {
    this.#stream?.abort('stopped');
    this.#stream = null;
    if (this.#drawTimer !== null) clearTimeout(this.#drawTimer);
    this.#drawTimer = null;
    this.#waiting = [];
    this.#waitingCharacters = 0;
  }

  #halt(): void {
    this.#stop.abort('stopped');
    this.#unfollow();
    if (this.#endsTimer !== null) clearTimeout(this.#endsTimer);
    this.#endsTimer = null;
    this.#isReading = false;
  }

  #pollEnds(): void {
    const { signal } = this.#stop;
    this.#endsTimer = setTimeout(() => {
      void this.#refreshEnds().then(() => {
        if (!signal.aborted) this.#pollEnds();
      });
    }, ENDS_EVERY_MS);
  }

  async #refreshEnds(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const ends = await fetchEnds(this.#scope);
      if (signal.aborted) return;
      this.#ends = ends;
      if (this.#mode === 'live' && this.#news > LAG_MAX) {
        const passedOver = this.#passedOver + this.#news;
        await this.start({ at: 'end' });
        this.#passedOver = passedOver;
      }
      this.#told();
    } catch {
      // The stream says what is wrong.
    }
  }

  get #news(): number {
    return this.#ends.ends.reduce((sum, end, index) => sum + Math.max(0, end - (this.#window.to[index] ?? 0)), 0);
  }

  /** So many older rows may come without pushing out any that must stay. */
  get #olderMax(): number {
    const isFollowed = this.#mode === 'live' && !this.#isHeld;
    return isFollowed ? ROWS_MAX - this.#window.rows.length : Number.POSITIVE_INFINITY;
  }

  get #isAtStart(): boolean {
    return this.#window.from.every((offset, index) => offset <= (this.#ends.starts[index] ?? 0));
  }

  #told(): void {
    this.#tell({
      lines: this.#window.lines(),
      rowCount: this.#window.rows.length,
      mode: this.#mode,
      isAtStart: this.#isAtStart,
      starts: this.#ends.starts,
      ends: this.#ends.ends,
      news: this.#news,
      passedOver: this.#passedOver,
      isReading: this.#isReading,
      trouble: this.#trouble,
      readTrouble: this.#readTrouble,
      notice: this.#notice,
    });
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'The records could not be read';
}

const isBefore = (one: Places, other: Places): boolean => other.some((offset, index) => (one[index] ?? 0) < offset);
