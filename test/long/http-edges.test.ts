/** Every parameter of every route at each edge of its range, to a leader and to a follower: each request is answered, no broker ends. */
import { expect, onTestFinished, test } from 'vitest';
import { EdgeRequests } from '../support/http-edges.ts';
import { report } from './budget.ts';

test('a parameter at the edges of its range is answered by leader and follower, and ends nobody', async () => {
  const requests = await EdgeRequests.start();
  onTestFinished(() => requests.close());

  const { statuses, count } = await requests.sweep(() => [requests.leader, requests.follower]);

  report(`http-edges: ${count} requests`);
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 409]));
  expect(count).toBeGreaterThan(2000);
});
