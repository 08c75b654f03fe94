import { expect, test } from 'vitest';
import { type Client, Pulls } from '../../../src/client/index.ts';
import type { AckPosition, Level, PulledPart, PullRequest, PullResult } from '../../../src/eventlog/index.ts';

const part = (partition: number, offsetFrom: number, tries?: number): PulledPart => ({
  topic: 't',
  partition,
  generation: 1,
  offsetFrom,
  offsetTo: offsetFrom + 1,
  highWatermark: 9,
  batches: [],
  ...(tries === undefined ? {} : { tries }),
});

/** Pulls from brokers that say of each pull what is told here, and what each took along. */
function pullsTold(...levels: (Level | null)[]): { readonly pulls: Pulls; readonly taken: AckPosition[][]; during: () => void } {
  const taken: AckPosition[][] = [];
  const told = { during: (): void => undefined };
  const pull = (request: PullRequest): Promise<PullResult> => {
    taken.push([...request.acknowledge]);
    told.during();
    const { subscriber, number } = request;
    const acknowledged = levels.shift() ?? null;
    return Promise.resolve({
      subscriber,
      number,
      nextNumber: null,
      repeated: false,
      parts: [],
      problems: [],
      acknowledged,
      share: null,
    });
  };
  const client = { subscriptions: { pull } } as unknown as Client;
  return Object.assign(told, { pulls: new Pulls(client, { subscriber: 's', topics: null, freshness: 'linearizable' }), taken });
}

const request = { recordsMax: 9, waitMs: 0 };
const places = (taken: readonly AckPosition[]): string[] => taken.map(({ partition, offset }) => `${String(partition)}/${offset}`);

test('what was only on its way is taken along until it is on a majority', async () => {
  const { pulls, taken } = pullsTold('leader', 'leader', 'quorum', null);
  pulls.processed(part(0, 4), 5);
  pulls.processed(part(1, 7), 8);
  await pulls.next(request);
  pulls.processed(part(1, 8), 9);
  for (let asked = 0; asked < 3; asked++) await pulls.next(request);
  expect(taken.map(places)).toEqual([['0/5', '1/8'], ['0/5', '1/9'], ['0/5', '1/9'], []]);
});

test('what is processed while a pull is under way is taken along by the next', async () => {
  const told = pullsTold('quorum', 'quorum');
  const { pulls, taken } = told;
  pulls.processed(part(0, 4), 5);
  told.during = () => pulls.processed(part(0, 5), 6);
  await pulls.next(request);
  told.during = () => undefined;
  await pulls.next(request);
  expect(taken.map(places)).toEqual([['0/5'], ['0/6']]);
});

test('a record that came again is taken along once, and one pull takes along so much', async () => {
  const { pulls, taken } = pullsTold('leader', 'leader', 'leader');
  pulls.processed(part(0, 4, 2), 5);
  for (let partition = 1; partition <= 999; partition++) pulls.processed(part(partition, 0), 1);
  await pulls.next(request);
  pulls.processed(part(1000, 0), 1);
  pulls.processed(part(1001, 0), 1);
  await pulls.next(request);
  expect(taken.map((one) => one.length)).toEqual([1000, 1000]);
  // The oldest gives way.
  expect(taken[1]?.[0]).toMatchObject({ partition: 2 });
  expect(taken[1]?.at(-1)).toMatchObject({ partition: 1001 });
});
