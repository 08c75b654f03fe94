import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodePlaces, encodePlaces } from '../../../src/partitions/index.ts';
import { emptyFeed, type FeedState, RecordFeed, ROWS_MAX } from '../../../ui/src/topic/record-feed.ts';

interface Stored {
  readonly partition: number;
  readonly offset: number;
  readonly logTime: number;
}

/** A topic behind `fetch`, whose answers hold a few records only. */
class FakeTopic {
  readonly partitions: Stored[][];
  starts: number[];
  /** Records of one answer at most, whatever is asked for. */
  answerMax = 1000;
  reads = 0;
  /** Nobody can say where the topic ends. */
  isUnknown = false;
  /** Nothing that is read comes before this. */
  gate: Promise<void> = Promise.resolve();
  #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();

  constructor(count: number) {
    this.partitions = Array.from({ length: count }, () => []);
    this.starts = this.partitions.map(() => 0);
  }

  /** Round the partitions. */
  fill(count: number): void {
    for (let index = 0; index < count; index++) this.add(index % this.partitions.length);
  }

  add(partition = 0): void {
    const all = this.partitions[partition] ?? [];
    const record = { partition, offset: all.length, logTime: this.partitions.reduce((sum, each) => sum + each.length, 0) };
    all.push(record);
    this.tell([record]);
  }

  tell(records: readonly Stored[]): void {
    const text = records.map((record) => `id: ${this.#idOf(record)}\ndata: ${JSON.stringify(this.#recordOf(record))}\n\n`).join('');
    for (const stream of this.#streams) stream.enqueue(new TextEncoder().encode(text));
  }

  /** As after a broker that has lost what it had: the topic ends earlier. */
  forget(count: number): void {
    for (const [index, all] of this.partitions.entries()) this.partitions[index] = all.slice(0, count);
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  #idOf({ partition, offset }: Stored): string {
    if (this.partitions.length === 1) return String(offset);
    const ends = this.partitions.map((all, index) => (index === partition ? offset + 1 : all.length));
    return encodePlaces(ends.map((end) => ({ from: 'offset', offset: end })));
  }

  #recordOf({ partition, offset, logTime }: Stored): object {
    const of = this.partitions.length === 1 ? {} : { partition };
    return { ...of, offset, timestamp: logTime, logTime, key: null, value: `${partition}/${offset}` };
  }

  readonly fetch = async (path: string, init: RequestInit = {}): Promise<Response> => {
    if (new URL(path, 'http://x').searchParams.has('max')) await this.gate;
    return this.#answer(path, init);
  };

  #answer(path: string, { signal }: RequestInit): Promise<Response> {
    const { pathname, searchParams: query } = new URL(path, 'http://x');
    if (!pathname.endsWith('/records')) {
      if (this.isUnknown) return Promise.resolve(new Response('', { status: 503 }));
      const kept = this.partitions.map((all, index) => ({ logStartOffset: this.starts[index], highWatermark: all.length }));
      return Promise.resolve(Response.json({ partition: kept[0], ...(kept.length > 1 ? { partitions: kept } : {}) }));
    }
    if (query.get('follow') === 'true') {
      if (Number(query.get('from')) > (this.partitions[0]?.length ?? 0)) return Promise.resolve(outOfRange());
      return Promise.resolve(this.#follow(query.get('from') ?? '', signal ?? null));
    }
    this.reads++;
    const max = Math.min(this.answerMax, Number(query.get('max')));
    const from = query.get('from') ?? '';
    if (this.partitions.length === 1 || query.has('partition')) {
      const all = this.partitions[Number(query.get('partition') ?? 0)] ?? [];
      const records = all.filter(({ offset }) => offset >= Number(from)).slice(0, max);
      const offsetNext = (records.at(-1)?.offset ?? Number(from) - 1) + 1;
      return Promise.resolve(
        Response.json({
          records: records.map((each) => this.#recordOf(each)),
          offsetFrom: Number(from),
          offsetNext,
          highWatermark: all.length,
        }),
      );
    }
    const records = this.#behind(from).slice(0, max);
    const next = (decodePlaces(from, this.partitions.length) ?? []).map((place) => (place.from === 'offset' ? place.offset : 0));
    for (const { partition, offset } of records) next[partition] = offset + 1;
    const places = encodePlaces(next.map((offset) => ({ from: 'offset', offset })));
    return Promise.resolve(Response.json({ records: records.map((each) => this.#recordOf(each)), next: places }));
  }

  #behind(text: string): Stored[] {
    const places = /^[0-9]+$/.test(text)
      ? [Number(text)]
      : (decodePlaces(text, this.partitions.length) ?? []).map((each) => (each.from === 'offset' ? each.offset : 0));
    return this.partitions
      .flatMap((all, index) => all.filter(({ offset }) => offset >= (places[index] ?? 0)))
      .toSorted((a, b) => a.logTime - b.logTime);
  }

  #follow(from: string, signal: AbortSignal | null): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#streams.add(controller);
        signal?.addEventListener('abort', () => {
          if (!this.#streams.delete(controller)) return;
          controller.error(new Error('stopped'));
        });
        const text = this.#behind(from).map((record) => `id: ${this.#idOf(record)}\ndata: ${JSON.stringify(this.#recordOf(record))}\n\n`);
        if (text.length > 0) controller.enqueue(new TextEncoder().encode(text.join('')));
      },
    });
    return new Response(body);
  }
}

const outOfRange = (): Response =>
  Response.json(
    { error: { code: 'offsetOutOfRange', message: 'Cannot read topic "orders": it ends before', definite: true } },
    { status: 416 },
  );

let feed: RecordFeed;
let state: FeedState;

function show(topic: FakeTopic, partition: number | null = null): void {
  vi.stubGlobal('fetch', topic.fetch);
  state = emptyFeed;
  feed = new RecordFeed({ topic: 'orders', partition }, (told) => (state = told));
}
const ids = (): string[] => state.lines.map(({ id }) => id);
const offsets = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 5 });

afterEach(() => {
  feed.stop();
  vi.unstubAllGlobals();
});

describe('a topic on the page', () => {
  let topic: FakeTopic;
  beforeEach(() => {
    topic = new FakeTopic(1);
  });

  it('begins with its newest records and takes what comes', async () => {
    topic.fill(1000);
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(ids()).toEqual(offsets(700, 1000)));

    topic.add();

    await until(() => expect(ids()).toEqual(offsets(701, 1001)));
    expect(state).toMatchObject({ mode: 'live', isAtStart: false, passedOver: 0 });
  });

  it('is scrolled back through to its first record and forth to its end, a few hundred rows at a time and none left out', async () => {
    topic.fill(1000);
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(state.rowCount).toBe(ROWS_MAX));
    feed.hold(true);

    const firsts: number[] = [];
    while (!state.isAtStart) {
      await feed.readOlder();
      firsts.push(Number(ids()[0]));
      expect(ids()).toEqual(offsets(Number(ids()[0]), Number(ids()[0]) + ROWS_MAX));
    }
    expect(firsts).toEqual([600, 500, 400, 300, 200, 100, 0]);
    expect(state).toMatchObject({ mode: 'behind', news: 700 });

    topic.add();
    while (state.mode === 'behind') await feed.readNewer();
    feed.hold(false);
    await until(() => expect(ids().at(-1)).toBe('1000'));
    expect(state.news).toBe(0);
  });

  it('reads fewer where records are so large that an answer does not hold many', async () => {
    topic.fill(1000);
    topic.answerMax = 3;
    show(topic);
    await feed.start({ at: 'offset', offset: 500 });
    const before = topic.reads;

    await feed.readOlder();

    expect(ids()).toEqual(offsets(Number(ids()[0]), 503));
    expect(Number(ids()[0])).toBeLessThan(500);
    expect(topic.reads - before).toBeLessThan(5);
  });

  it('says where a jump led that could not lead where it was wanted', async () => {
    topic.fill(20);
    topic.starts = [5];
    show(topic);

    await feed.start({ at: 'offset', offset: 2 });
    expect(state.notice).toBe('Offset 2 is not kept any more: the first one kept is 5');
    expect(ids()[0]).toBe('5');

    await feed.start({ at: 'offset', offset: 99 });
    expect(state.notice).toBe('Offset 99 is not there yet: the end is 20');
  });

  it('counts what comes too fast to be shown, and finds it by scrolling back', async () => {
    show(topic);
    await feed.start({ at: 'end' });
    const records = Array.from({ length: 5000 }, (_, offset) => ({ partition: 0, offset, logTime: offset }));
    topic.partitions[0]?.push(...records);

    topic.tell(records);

    await until(() => expect(state.rowCount).toBe(ROWS_MAX));
    expect(ids()).toEqual(offsets(4700, 5000));
    expect(state.passedOver).toBe(4700);
    feed.hold(true);
    await feed.readOlder();
    expect(ids()).toEqual(offsets(4600, 4900));
  });

  it('reads older ones only as far as there is room while the end is in view: the newest stay', async () => {
    topic.fill(1000);
    topic.answerMax = 40;
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(ids().at(-1)).toBe('999'));
    expect(state.rowCount).toBeLessThan(50);

    while (state.rowCount < ROWS_MAX) await feed.readOlder();
    expect(ids()).toEqual(offsets(700, 1000));
    await feed.readOlder();
    topic.add();

    await until(() => expect(ids()).toEqual(offsets(701, 1001)));
    expect(state.mode).toBe('live');
  });

  it('gives up older ones whose place the newest have taken meanwhile', async () => {
    topic.fill(1000);
    topic.answerMax = 40;
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(ids().at(-1)).toBe('999'));
    const first = 1000 - state.rowCount;
    const open = Promise.withResolvers<void>();
    topic.gate = open.promise;

    const reading = feed.readOlder();
    while (topic.partitions[0]?.length !== first + ROWS_MAX - 10) topic.add();
    await until(() => expect(ids()).toEqual(offsets(first, first + ROWS_MAX - 10)));
    open.resolve();
    await reading;

    expect(ids()).toEqual(offsets(first, first + ROWS_MAX - 10));
    expect(state.mode).toBe('live');
  });

  it('leaves what is read in its place, and says how much has come since', async () => {
    topic.fill(ROWS_MAX);
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(state.rowCount).toBe(ROWS_MAX));
    feed.hold(true);

    for (let index = 0; index < 7; index++) topic.add();

    await until(() => expect(state.news).toBe(7));
    expect(ids()).toEqual(offsets(0, ROWS_MAX));
    expect(state.mode).toBe('behind');
  });

  it('is paused, and goes on without a gap', async () => {
    topic.fill(3);
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(state.rowCount).toBe(3));
    feed.pause();

    topic.add();
    await until(() => expect(state.news).toBe(1));
    expect(ids()).toEqual(offsets(0, 3));

    feed.resume();
    await until(() => expect(ids()).toEqual(offsets(0, 4)));
  });
});

describe('a topic that ends before the place where the page stood, as after a broker that has forgotten', () => {
  it('is kept on the page while nobody can say where it ends, and then shown anew, no record twice', async () => {
    const topic = new FakeTopic(1);
    topic.fill(200);
    show(topic);
    await feed.start({ at: 'end' });
    await until(() => expect(state.rowCount).toBe(200));

    topic.isUnknown = true;
    topic.forget(150);
    await until(() => expect(state.trouble).not.toBeNull());
    expect(ids()).toEqual(offsets(0, 200));

    topic.isUnknown = false;
    await until(() => expect(ids()).toEqual(offsets(0, 150)));
    topic.add();
    await until(() => expect(ids()).toEqual(offsets(0, 151)));
    expect(state.trouble).toBeNull();
  });
});

describe('a topic of several partitions on the page', () => {
  it('is scrolled back through in order of log time, to the first record of each', async () => {
    const topic = new FakeTopic(3);
    topic.fill(900);
    for (let index = 0; index < 100; index++) topic.add(1);
    show(topic);
    await feed.start({ at: 'end' });
    feed.hold(true);

    const times = (): number[] => state.lines.flatMap((line) => (line.kind === 'record' ? [line.row.timestamp] : []));
    while (!state.isAtStart) {
      await feed.readOlder();
      const [first = 0] = times();
      expect(times()).toEqual(Array.from({ length: times().length }, (_, index) => first + index));
    }

    expect(times()[0]).toBe(0);
    expect(state.lines.every(({ kind }) => kind === 'record')).toBe(true);
  });

  it('shows one of them where one is chosen', async () => {
    const topic = new FakeTopic(3);
    topic.fill(30);
    show(topic, 2);

    await feed.start({ at: 'start' });

    expect(ids()).toEqual(offsets(0, 10).map((offset) => `2/${offset}`));
  });
});
