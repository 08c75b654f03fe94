import { expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import type { Core } from '../../../src/broker/core.ts';
import { Scheduled, type ScheduledOptions } from '../../../src/broker/scheduled/scheduled.ts';

test('of a group of which it is not known yet what waits there nothing may be removed, of others what they say', () => {
  const group = groupId(20);
  const core = { replica: () => undefined } as unknown as Core;
  const scheduled = new Scheduled({ core, groups: () => [group], isHere: () => true } as unknown as ScheduledOptions);

  expect(scheduled.keptFrom(group)).toBe(0);
  expect(scheduled.keptFrom(21)).toBe(Number.POSITIVE_INFINITY);
});
