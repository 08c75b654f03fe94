import { describe, expect, test } from 'vitest';
import { promised, type SearchableLog, withPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { type GrepAnswer, type GrepAsker, type GrepQuestion, type SearchRequest, wholeTopic } from '../../../src/query/index.ts';
import type { PartEnd } from '../../../src/search/answer.ts';
import { createTopicsSearcher } from '../../../src/search/topics/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { testClock } from '../../support/clock.ts';
import { queryOf } from '../../support/grep-records.ts';

async function topicOf(...values: string[]): Promise<SearchableLog> {
  const service = new MemoryLog({ clock: testClock(), bytes: systemBytes });
  const request = { topic: 'log', level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await promised((answer) => service.append({ ...request, batch: batchOfValues(...values) }, answer));
  return withPromises(service);
}

const requestOf = (output: Parameters<typeof queryOf>[2] = {}, more: Partial<SearchRequest> = {}): SearchRequest => {
  const { match, output: whole } = queryOf(['hit'], {}, { withName: true, ...output });
  return {
    source: wholeTopic('log'),
    match,
    output: whole,
    sinceMs: null,
    untilMs: null,
    order: 'place',
    follow: false,
    index: true,
    timeFormat: null,
    form: 'text',
    engine: 'auto',
    ...more,
  };
};

interface Answered {
  readonly text: string;
  readonly begun: readonly string[];
  readonly ends: readonly PartEnd[];
}

async function search(
  log: Pick<SearchableLog, 'scan' | 'read' | 'end'>,
  request: SearchRequest,
  signal = new AbortController().signal,
  grep: GrepAsker | null = null,
): Promise<Answered> {
  const begun: string[] = [];
  const ends: PartEnd[] = [];
  let text = '';
  const sink = {
    begin: ({ label }: { readonly label: string }): void => void begun.push(label),
    bytes: (chunk: Uint8Array): undefined => {
      text += Buffer.from(chunk).toString();
      return undefined;
    },
    end: (end: PartEnd): void => void ends.push(end),
    lines: (): undefined => undefined,
    note: (): void => undefined,
    reached: (): void => undefined,
  };
  await createTopicsSearcher({ machine: 'm1', log, bytes: systemBytes, grep })(request, sink, signal);
  return { text, begun, ends };
}

describe('a topic, searched on one machine,', () => {
  test('is one part, with its lines, and says how far it goes', async () => {
    const { text, begun, ends } = await search(await topicOf('a hit', 'b', 'c hit'), requestOf());

    expect(text).toBe('m1:log:0:a hit\nm1:log:2:c hit\n');
    expect(begun).toEqual(['m1:log']);
    expect(ends).toMatchObject([
      { isSelected: true, selected: 2, problem: null, topic: { offsetFrom: 0, offsetTo: 3, stats: { engine: 'text' } } },
    ]);
  });

  test.each([
    ['count', {}, 'm1:log:2\n'],
    ['count', { withName: false }, '2\n'],
    ['count', { nullAfterName: true }, 'm1:log\u00002\n'],
    ['count', { maxCount: 0 }, ''],
    ['with', {}, 'm1:log\n'],
    ['without', {}, ''],
    ['quiet', {}, ''],
  ] as const)('gives what grep prints beside lines (%s, %j)', async (mode, output, expected) => {
    expect((await search(await topicOf('a hit', 'b', 'c hit'), requestOf({ mode, ...output }))).text).toBe(expected);
  });

  test('has a part where nothing is found too', async () => {
    const { begun, ends } = await search(await topicOf('nothing'), requestOf());

    expect(begun).toEqual(['m1:log']);
    expect(ends).toMatchObject([{ isSelected: false, selected: 0, problem: null }]);
  });

  test('names what is left out', async () => {
    const log = await topicOf('a hit');
    const partial: Pick<SearchableLog, 'scan' | 'read' | 'end'> = {
      ...log,
      scan: async (request, sink) => ({
        ...(await log.scan(request, sink)),
        gaps: [
          { offsetFrom: 4, offsetTo: 9, reason: 'removed', detail: null },
          { offsetFrom: 12, offsetTo: 13, reason: 'damaged', detail: 'other bytes' },
        ],
      }),
    };

    expect((await search(partial, requestOf())).ends[0]?.problem).toBe(
      'offsets 4 to 8: removed by retention or with the topic, and 1 more ranges are missing',
    );
  });

  test('of which nothing could be searched is not counted: 0 would say that nothing is there', async () => {
    const log = await topicOf('a hit');
    const failing: Pick<SearchableLog, 'scan' | 'read' | 'end'> = {
      ...log,
      scan: async (request, sink) => {
        const result = await log.scan(request, sink);
        const { offsetFrom, offsetTo } = result;
        return { ...result, selected: 0, gaps: [{ offsetFrom, offsetTo, reason: 'stopped', detail: 'no expression' }] };
      },
    };

    const { text, ends } = await search(failing, requestOf({ mode: 'count' }));

    expect(text).toBe('');
    expect(ends[0]?.problem).toMatch(/not searched/);
  });

  const answering = (answer: GrepAnswer): GrepAsker & { readonly asked: GrepQuestion[] } => {
    const asked: GrepQuestion[] = [];
    return { asked, ask: (question, done) => (asked.push(question), done(answer)) };
  };
  const bad: GrepAnswer = { ok: false, reason: 'Unmatched ( or \\(', isBadPattern: true };
  const withPattern = (pattern: string, more: Partial<SearchRequest> = {}): SearchRequest => {
    const request = requestOf({}, more);
    return { ...request, match: { ...request.match, patterns: [Buffer.from(pattern)] } };
  };

  test.each([
    ['in doubt', '\\(', {}],
    ['for GNU grep only', 'a', { engine: 'grep' }],
    ['that is followed', '\\(', { follow: true }],
  ] as const)('with a pattern that is none is refused before anything is searched (%s)', async (_what, pattern, more) => {
    const log = { ...(await topicOf('a hit')), scan: () => Promise.reject(new Error('it was searched')) };

    await expect(search(log, withPattern(pattern, more), undefined, answering(bad))).rejects.toMatchObject({
      code: 'invalidRequest',
      message: 'Cannot search: Unmatched ( or \\(',
    });
  });

  test('asks GNU grep of no pattern that is known here', async () => {
    const grep = answering(bad);

    await search(await topicOf('a hit'), withPattern('h.*t'), undefined, grep);

    expect(grep.asked).toEqual([]);
  });

  test('where GNU grep cannot be asked is searched as far as that goes', async () => {
    const grep = answering({ ok: false, reason: 'GNU grep cannot be run: it is gone', isBadPattern: false });

    expect((await search(await topicOf('a hit'), withPattern('\\(h\\)\\1'), undefined, grep)).ends).toHaveLength(1);
  });

  test('is not searched on when nobody waits for it any more', async () => {
    const controller = new AbortController();
    controller.abort();

    expect((await search(await topicOf('a hit'), requestOf(), controller.signal)).ends[0]?.problem).toMatch(/^offset 0: not searched/);
  });

  test('of very many gaps names some, and all others as one', async () => {
    const log = await topicOf('a hit');
    const gaps = Array.from({ length: 5_000 }, (_, index) => ({
      offsetFrom: index * 10,
      offsetTo: index * 10 + 1,
      reason: 'damaged' as const,
      detail: 'x'.repeat(1_000),
    }));
    const damaged = { ...log, scan: async (...asked: Parameters<typeof log.scan>) => ({ ...(await log.scan(...asked)), gaps }) };

    const [end] = (await search(damaged, requestOf())).ends;

    expect(end?.topic?.gaps.at(-1)).toMatchObject({ offsetFrom: 1_000, offsetTo: 49_991 });
    // What a frame may hold.
    expect(JSON.stringify(end).length).toBeLessThan(64 * 1024);
  });
});
