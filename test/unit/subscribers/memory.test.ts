import { withPromises, withSubscriptionPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { memorySubscriptions } from '../../../src/subscribers/memory.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { subscriptionConformance } from '../../conformance/subscriptions.ts';
import { testClock } from '../../support/clock.ts';

subscriptionConformance('the in-memory twin', async () => {
  const clock = testClock();
  const log = new MemoryLog({ clock, bytes: systemBytes });
  return {
    log: withPromises(log),
    subscriptions: withSubscriptionPromises(memorySubscriptions({ log, clock, bytes: systemBytes, retrying: { waitMs: 50 } })),
    close: () => undefined,
  };
});
