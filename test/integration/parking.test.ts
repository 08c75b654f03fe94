/** Records that fail, on three brokers that are processes: the one that keeps the subscriber is killed while some of them are in retry. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AckPosition, PullResult } from '../../src/eventlog/index.ts';
import { CairnClient } from '../../src/library/index.ts';
import { type CairnProcess, type CairnRun, ended, startCairn } from '../support/cairn.ts';
import { eventually, statusOf } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { pulledValues } from '../conformance/subscriptions.ts';

let folder: string;
let ports: number[];
const running = new Map<number, { readonly child: CairnProcess; readonly end: Promise<CairnRun> }>();

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-parking-'));
  ports = await freePorts(3);
  const cluster = ports.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(',');
  for (const id of [1, 2, 3]) {
    const child = startCairn(['serve', '--broker', String(id), '--cluster', cluster, '--data', path.join(folder, `data-${id}`)]);
    running.set(id, { child, end: ended(child) });
  }
});

afterEach(async () => {
  for (const { child } of running.values()) child.kill('SIGKILL');
  await Promise.all([...running.values()].map(({ end }) => end));
  running.clear();
  rmSync(folder, { recursive: true });
});

const count = 20;
const failing = [3, 7, 11];
const doomed = 7;
/** `limits.triesMax`. */
const triesMax = 8;

test('a record that has failed comes again from the next leader, and is parked once', async () => {
  await eventually(async () => {
    for (const port of ports) await statusOf(`http://127.0.0.1:${port}`);
  });
  await using client = new CairnClient({ servers: ports.map((port) => `http://127.0.0.1:${port}`), timeoutMs: 30_000 });
  await client.topics.create('orders');
  const { subscriptions } = client.batches;
  await subscriptions.createSubscriber({ id: 'billing', requestId: null });
  const { offset: first } = await client.append(
    'orders',
    Array.from({ length: count }, (_, index) => `value ${index}`),
  );
  await subscriptions.subscribe({ subscriber: 'billing', topic: 'orders', start: { at: 'offset', offset: first } });
  const nack = (index: number, tries: number) =>
    subscriptions.nack({ subscriber: 'billing', records: [{ topic: 'orders', offset: first + index, tries, reason: 'no' }] });
  // What stands below each of them is processed.
  const processed = Array.from({ length: 12 }, (_, index) => index).filter((index) => !failing.includes(index));
  for (const index of failing) await nack(index, 0);
  for (let tries = 1; tries < triesMax - 1; tries++) await nack(doomed, tries);
  const { coordinator, cursors } = await subscriptions.describeSubscriber('billing');
  expect(cursors).toMatchObject([{ offset: first + 12, retries: 3 }]);

  const killed = running.get(coordinator ?? 0);
  killed?.child.kill('SIGKILL');
  await killed?.end;
  const { records } = await nack(doomed, triesMax - 1);

  expect(records).toMatchObject([{ offset: first + doomed, state: 'parks', tries: triesMax }]);
  let acknowledge: AckPosition[] = [];
  const values: string[] = [];
  while (values.length < count - processed.length - 1) {
    const how = { topics: null, mode: 'explicit', number: null, recordsMax: 5, bytesMax: 65_536, freshness: 'linearizable' } as const;
    const pulled = await subscriptions.pull({ subscriber: 'billing', ...how, acknowledge, waitMs: 5000 });
    values.push(...pulledValues(pulled));
    acknowledge = pulled.parts.map(({ topic, partition, generation, offsetTo: offset, tries }) => ({
      topic,
      partition,
      generation,
      offset,
      ...(tries === undefined ? {} : { tries }),
    }));
  }
  await subscriptions.ack({ subscriber: 'billing', positions: acknowledge });
  const all = [...processed, doomed].map((index) => `value ${index}`).concat(values);
  expect(all.toSorted()).toEqual(Array.from({ length: count }, (_, index) => `value ${index}`).toSorted());
  await eventually(async () =>
    expect(await subscriptions.describeSubscriber('billing')).toMatchObject({ parked: 1, cursors: [{ retries: 0 }] }),
  );
  const { parked } = await subscriptions.listParked({ subscriber: 'billing', topic: null, after: -1, limit: 9 });
  expect(parked).toMatchObject([{ topic: 'orders', offset: first + doomed, tries: triesMax, reason: 'no' }]);
  const shown = await subscriptions.showParked({ subscriber: 'billing', id: parked[0]?.id ?? -1 });
  expect(pulledValues({ ...shown, parts: shown.parts } as unknown as PullResult)).toEqual([`value ${doomed}`]);
});
