/** Up to where the leader of a partition lets go of what has been read. */
import { expect, test } from 'vitest';
import { type FurthestBehind, Retention } from '../../../../src/broker/catalog/retention.ts';

type Heard = (found: readonly (FurthestBehind | null)[] | null) => void;

/** A partition of a topic that is kept until it is read, and who is asked about its readers. */
function leading() {
  const log = {
    segmentCount: 4,
    logStartOffset: 0,
    endOffset: 30,
    sizeBytes: 3000,
    sealedParts: [10, 20, 30].map(partTo),
    read: () => undefined,
  };
  const replica = { raft: { role: 'leader', peers: [] }, visible: 30, log };
  const partition = { group: 20, trimmedTo: 0 };
  const topic = { id: 3, name: 't', settings: { retentionBytes: null, retentionUntilRead: true }, partitions: [partition] };
  const asked: Heard[] = [];
  const trimmed: number[] = [];
  let nowMs = 0;
  const core = { replica: () => replica, nowMs: () => nowMs, host: { clock: { wallMs: () => nowMs } }, settings: {} };
  const catalog = {
    isCurrent: true,
    state: { placeOf: () => ({ topic, partition }) },
    submit: (command: { readonly offset: number }) => void trimmed.push(command.offset),
  };
  const retention = new Retention(
    core as unknown as ConstructorParameters<typeof Retention>[0],
    catalog as unknown as ConstructorParameters<typeof Retention>[1],
    { keptFrom: () => Number.POSITIVE_INFINITY, furthestBehind: (_partitions, done) => void asked.push(done) },
  );
  retention.changed(20);
  retention.maintain();
  nowMs = 6000;
  retention.maintain();
  const pass = (ms: number): void => void (nowMs += ms);
  return { retention, replica, log, asked, trimmed, pass };
}

const partTo = (offsetTo: number) => ({ offsetFrom: offsetTo - 10, offsetTo, sizeBytes: 1000, lastStampMs: 0 });

test('what is below the one that is furthest behind goes, in whole segments', () => {
  const { retention, asked, trimmed } = leading();
  asked[0]?.([{ subscriber: 's', offset: 25 }]);
  retention.maintain();
  expect(trimmed).toEqual([20]);
});

test('what has come since they were asked stays, whatever they say: they may not have known of it', () => {
  const { retention, replica, log, asked, trimmed } = leading();
  log.sealedParts.push(partTo(40));
  Object.assign(log, { segmentCount: 5, endOffset: 45 });
  replica.visible = 45;
  asked[0]?.([{ subscriber: '', offset: Number.MAX_SAFE_INTEGER }]);
  retention.maintain();
  expect(trimmed).toEqual([30]);
});

test('what they said a second ago, what one of them did not say, and what nobody is subscribed to lets nothing go', () => {
  const { retention, asked, trimmed, pass } = leading();
  asked[0]?.([{ subscriber: 's', offset: 25 }]);
  pass(1001);
  retention.maintain();
  pass(5000);
  retention.maintain();
  asked[1]?.(null);
  retention.maintain();
  pass(5000);
  retention.maintain();
  asked[2]?.([null]);
  retention.maintain();
  expect([asked.length, trimmed]).toEqual([3, []]);
});
