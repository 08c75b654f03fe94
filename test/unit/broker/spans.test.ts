/** What is recorded of a traced request, on all brokers that have to do with it. */
import { describe, expect, test } from 'vitest';
import { Spans } from '../../../src/broker/spans.ts';
import type { Span, TopicDescription, TopicPlacement } from '../../../src/eventlog/index.ts';
import { Rig } from './rig.ts';

const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

const spansOf = (rig: Rig): readonly Span[] => rig.alive.flatMap(({ id }) => rig.broker(id).spans.ofTrace(trace.traceId));
/** Name, whose, and of what: `append broker-1 < forward broker-2`. */
function shape(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const called = ({ name, process }: Span): string => `${name} ${process}`;
  return spans
    .map((span) => {
      const parent = byId.get(span.parentId ?? '');
      return `${called(span)} < ${parent === undefined ? (span.parentId === trace.spanId ? 'client' : 'nobody') : called(parent)}`;
    })
    .toSorted();
}

describe('an append that is traced', () => {
  test('leaves its way from the queue over the leader and the disks of all replicas', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const asked = rig.follower();
    const third = [1, 2, 3].find((id) => id !== leader && id !== asked) as number;

    const { offset } = rig.appended(asked, ['x'], { trace });
    rig.run(500);

    const spans = spansOf(rig);
    expect(shape(spans)).toEqual(
      [
        `queue broker-${asked} < client`,
        `forward broker-${asked} < client`,
        `append broker-${leader} < forward broker-${asked}`,
        `fsync broker-${leader} < append broker-${leader}`,
        `replicate broker-${asked} < append broker-${leader}`,
        `fsync broker-${asked} < replicate broker-${asked}`,
        `replicate broker-${third} < append broker-${leader}`,
        `fsync broker-${third} < replicate broker-${third}`,
      ].toSorted(),
    );
    const append = spans.find(({ name }) => name === 'append');
    expect(append).toMatchObject({ error: null, fields: { offset } });
    // Whatever is part of another does not begin before it, by the clock of one broker.
    const own = spans.filter(({ process }) => process === `broker-${leader}`);
    const fsync = own.find(({ name }) => name === 'fsync');
    expect(fsync?.startMs).toBeGreaterThanOrEqual(append?.startMs ?? Number.POSITIVE_INFINITY);
    expect(fsync?.durationMs).toBeGreaterThan(0);
    for (const { durationMs } of spans) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  test('and is tried again has one trace and another span, under the same request id', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const asked = rig.follower();

    const call = rig.beginAppend(asked, ['x'], { trace, requestId: 'once' });
    rig.until('it is on its way', () => rig.broker(asked).peek().counters.framesSent > 0 && call.outcome === null);
    rig.run(0.2);
    rig.kill(leader);
    rig.until('it is answered', () => call.outcome !== null);
    rig.run(500);

    expect(call.outcome?.ok).toBe(true);
    const tries = spansOf(rig).filter(({ name, parentId }) => (name === 'forward' || name === 'append') && parentId === trace.spanId);
    expect(tries.length).toBeGreaterThan(1);
    expect(new Set(tries.map(({ spanId }) => spanId)).size).toBe(tries.length);
    expect(rig.values(asked).filter((value) => value === 'x')).toHaveLength(1);
  });

  test('names each broker that passes it on', () => {
    const rig = new Rig({ brokers: 8 });
    rig.awaitLeader();
    rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
    const { partitions } = rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer));
    const home = partitions[0]?.replicas[0]?.broker ?? 0;
    const opposite = ((home - 1) ^ 0b111) + 1;
    rig.until('its home leads it', () =>
      rig
        .broker(home)
        .peek()
        .partitions.some(({ topic, role }) => topic === 'orders' && role === 'leader'),
    );
    rig.appended(opposite, ['zero'], { topic: 'orders' });

    const { hops } = rig.appended(opposite, ['one'], { topic: 'orders', trace, tellHops: true });
    rig.run(500);

    const spans = spansOf(rig);
    const passed = spans.filter(({ name }) => name === 'hop').map(({ process }) => process);
    expect(passed.toSorted()).toEqual(
      hops?.brokers
        .slice(1, -1)
        .map((id) => `broker-${id}`)
        .toSorted(),
    );
    expect(passed).toHaveLength(2);
    const forward = spans.find(({ name }) => name === 'forward');
    expect(forward?.fields['hops']).toBe(hops?.brokers.join(' '));
    const within = spans.filter(({ name }) => name === 'hop' || name === 'append');
    expect(within.map(({ parentId }) => parentId)).toEqual(within.map(() => forward?.spanId));
    expect(spans.filter(({ name }) => name === 'replicate')).toHaveLength(2);

    rig.read(opposite, { topic: 'orders', trace: { ...trace, spanId: 'b7ad6b7169203331' } });
    const reads = spansOf(rig).filter(({ name }) => name === 'read');
    expect(reads.map(({ process }) => process)).toEqual([`broker-${home}`]);
  });

  test('is one batch for itself, and those that are not traced go on sharing theirs', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();

    const calls = [{}, { trace }, {}, { trace: { ...trace, spanId: 'b7ad6b7169203331' } }, {}].map((more, i) =>
      rig.beginAppend(id, [`v${i}`], more),
    );
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));
    rig.run(500);

    expect(spansOf(rig).filter(({ name }) => name === 'append')).toHaveLength(2);
    expect(rig.values(id)).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
    expect(rig.read(id, { offsetFrom: 0 }).batches.length).toBeLessThan(5);
  });

  test('that fails says why', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();

    rig.refused(id, ['x'], { trace, expectedOffset: 99 });

    expect(spansOf(rig).find(({ name }) => name === 'append')).toMatchObject({ error: 'offsetMismatch' });
  });
});

test('an append that is not traced leaves nothing, here or on the way', () => {
  const rig = new Rig({ brokers: 5 });
  rig.awaitLeader();

  for (const { id } of rig.cluster.members) rig.appended(id, ['x'], { requestId: `of ${id}` });
  rig.run(500);

  for (const { id } of rig.cluster.members) expect(rig.broker(id).spans.count).toBe(0);
});

describe('spans that are kept', () => {
  const clock = { monotonicMs: () => 5, wallMs: () => 1000 };
  let drawn = 0;
  const random = { bytes: (length: number) => new Uint8Array(length).fill(++drawn) };

  test('are the last ones, whosever they are', () => {
    const spans = new Spans('broker-1', clock, random, 3);

    for (let i = 0; i < 5; i++) spans.end(spans.begin('request', i === 1 ? { ...trace, traceId: 'f'.repeat(32) } : trace, { i }));

    expect(spans.ofTrace(trace.traceId).map(({ fields }) => fields['i'])).toEqual([2, 3, 4]);
    expect(spans.ofTrace('f'.repeat(32))).toEqual([]);
    expect(spans.count).toBe(5);
  });

  test('begin a trace where there is none', () => {
    const spans = new Spans('broker-1', clock, random);

    const { context, parentId } = spans.begin('request', null);

    expect(parentId).toBe(null);
    expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(context.spanId).toMatch(/^[0-9a-f]{16}$/);
  });
});
