import { expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import { Barriers } from '../../../src/broker/edge/barriers.ts';
import type { Core } from '../../../src/broker/core.ts';
import type { Requests } from '../../../src/broker/edge/requests.ts';

test('whoever is told that his time is over may ask again at once, and is told again', () => {
  const core = { replica: () => undefined, wake: () => undefined } as unknown as Core;
  const barriers = new Barriers(core, {} as Requests);
  const told: string[] = [];
  barriers.begin(groupId(7), 10, (isCurrent) => {
    told.push(`first ${String(isCurrent)}`);
    barriers.begin(groupId(7), 20, (isCurrentThen) => told.push(`second ${String(isCurrentThen)}`));
  });
  barriers.expire(10);
  expect(told).toEqual(['first false']);
  barriers.expire(20);
  expect(told).toEqual(['first false', 'second false']);
});
