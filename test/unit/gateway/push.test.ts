import { Writable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { expect, test } from 'vitest';
import { type AckRequest, type Acked, LogError, type PullRequest, type PullResult } from '../../../src/eventlog/index.ts';
import type { ApiContext } from '../../../src/gateway/http/api/context.ts';
import { parseEventId, push } from '../../../src/gateway/http/api/subscribers/push.ts';
import { defaultHttpSettings } from '../../../src/gateway/http/index.ts';
import { OneATurn } from '../../../src/search/index.ts';
import { refusePull } from '../../../src/subscribers/requests.ts';

class Taken extends Writable {
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  writeHead(): this {
    return this;
  }
}

test.each([1001, 10_001])('a stream of %i topics goes on behind what it has given of them', async (count) => {
  const raw = new Taken();
  const asked: PullRequest[] = [];
  const common = { partition: 0, generation: 1, offsetFrom: 0, offsetTo: 1, batches: [], highWatermark: 1 };
  const parts = Array.from({ length: count }, (_, index) => ({ topic: `t${index}`, ...common }));
  const pull = (request: PullRequest): Promise<PullResult> => {
    asked.push(request);
    if (asked.length > 1) raw.destroy();
    const result = { subscriber: 's', number: null, nextNumber: null, repeated: false, problems: [], acknowledged: null, share: null };
    return new Promise((resolve) => setImmediate(() => resolve({ ...result, parts: asked.length > 1 ? [] : parts })));
  };
  const context = {
    followers: { count: 0 },
    settings: defaultHttpSettings,
    turns: new OneATurn(),
    subscriptions: { pull },
  } as unknown as ApiContext;
  const reply = { raw, hijack: () => undefined } as unknown as FastifyReply;
  await push({ subscriber: 's', topics: null, worker: null, freshness: 'local', had: [] }, reply, context);
  const second = asked[1] as PullRequest;
  expect(refusePull('pull', second)).toBeNull();
  expect(second.after?.length).toBe(Math.min(count, 10_000));
  expect(second.after?.at(-1)).toMatchObject({ topic: `t${count - 1}`, offset: 1 });
});

test.each(['notSubscribed', 'unknownTopic', 'staleGeneration'] as const)(
  'a client that comes back is not refused where it has had something of a cursor that is %s by now',
  async (code) => {
    const raw = new Taken();
    const acked: string[] = [];
    const ack = ({ subscriber, positions }: AckRequest): Promise<Acked> => {
      if (positions.some(({ topic }) => topic === 'gone')) return Promise.reject(new LogError(code, 'Cannot acknowledge: it is gone'));
      acked.push(...positions.map(({ topic }) => topic));
      return Promise.resolve({ subscriber, cursors: [] });
    };
    const pull = (): Promise<PullResult> => {
      raw.destroy();
      const result = {
        subscriber: 's',
        number: null,
        nextNumber: null,
        repeated: false,
        problems: [],
        acknowledged: null,
        share: null,
        parts: [],
      };
      return new Promise((resolve) => setImmediate(() => resolve(result)));
    };
    const context = {
      followers: { count: 0 },
      settings: defaultHttpSettings,
      turns: new OneATurn(),
      subscriptions: { pull, ack },
    } as unknown as ApiContext;
    const reply = { raw, hijack: () => undefined } as unknown as FastifyReply;
    const had = ['a', 'gone', 'b'].map((topic) => ({ topic, partition: 0, offset: 1, generation: 1 }));
    await push({ subscriber: 's', topics: null, worker: null, freshness: 'local', had }, reply, context);
    expect(acked).toEqual(['a', 'b']);
  },
);

test('an event says of a record that came again how often it had failed, beside how far the stream has come', () => {
  const place = { topic: 'orders', partition: 0, generation: 9 };

  expect(parseEventId('orders:0:7:9,orders:0:5:9:2')).toEqual([
    { ...place, offset: 7 },
    { ...place, offset: 5, tries: 2 },
  ]);
  expect(parseEventId('orders:0:5:9:2:1')).toBeNull();
});
