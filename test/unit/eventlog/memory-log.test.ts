import { expect, test } from 'vitest';
import {
  type AppendRequest,
  type AppendResult,
  type Outcome,
  promised,
  type TopicPlacement,
  withPromises,
} from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { batchOfValues, eventLogConformance, valuesOf } from '../../conformance/event-log.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { testClock } from '../../support/clock.ts';

function newLog(): MemoryLog {
  return new MemoryLog({ clock: testClock(), bytes: systemBytes, batchBytesMax: 65_536 });
}

eventLogConformance(
  'the in-memory twin',
  async () => {
    const twin = newLog();
    const log = withPromises(twin);
    return { log, revoking: twin, close: () => {} };
  },
  { batchBytesMax: 65_536 },
);

test('an explanation says what the name is hashed to', async () => {
  const { hash, placement } = await promised<TopicPlacement>((answer) => newLog().explain('log', answer));

  // printf log | sha256sum
  expect({ hash, placement }).toEqual({ hash: '836ff184e7b41b1e13cb5fd89fa1de98dbbab99e9d2918913ff43b86a5c7c213', placement: 'all' });
});

const usual = { topic: 'log', level: 'quorum', timeoutMs: 10_000, sequence: 0, expectedOffset: null } as const;
const readLog = { topic: 'log', offsetFrom: 0, sinceMs: null, bytesMax: 1000, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;

test('no answer comes during the call', async () => {
  const log = newLog();
  let during = true;

  const outcome = await new Promise<Outcome<AppendResult>>((resolve) => {
    const request: AppendRequest = { ...usual, batch: batchOfValues('a'), requestId: null };
    log.append(request, (answer) => {
      expect(during).toBe(false);
      resolve(answer);
    });
    during = false;
  });

  expect(outcome.ok).toBe(true);
});

test('a stalled log times out without knowing, and keeps the order of an append and its revoke', async () => {
  const twin = newLog();
  const log = withPromises(twin);
  twin.stall();

  const error: unknown = await log
    .append({ ...usual, batch: batchOfValues('a'), requestId: 'r', timeoutMs: 1 })
    .catch((reason: unknown) => reason);
  const revoked = promised<undefined>((answer) => twin.revoke({ topic: 'log' }, 'r', answer));
  twin.resume();
  await revoked;

  expect(error).toMatchObject({ code: 'timeout', definite: false });
  const result = await log.read(readLog);
  expect(valuesOf(result)).toEqual([]);
  expect(result.offsetNext).toBe(2);
});
