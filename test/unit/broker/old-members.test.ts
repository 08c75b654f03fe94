/** Clusters of more than five brokers from before members were written down: all of them vote in everything, and go on doing so. */
import { expect, test } from 'vitest';
import { Rig } from './rig.ts';

const everybody = [1, 2, 3, 4, 5, 6, 7, 8];

/** Makes the data of these brokers what it would be from before: no folder says whose it is, or who the members are. */
function forgetMembers(rig: Rig, ids: readonly number[]): void {
  for (const id of ids) {
    const { disk } = rig.member(id).machine;
    for (const path of disk?.filePaths() ?? []) if (/^groups\/.*identity$/.test(path)) disk?.erase(path);
  }
}

/** Eight brokers with a topic on all of them, stopped. */
function stopped(): Rig {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  rig.ok(1, (service, answer) => service.createTopic('old', { retentionBytes: null, placement: 'all' }, answer));
  for (const id of everybody) rig.appended(id, [`${id}`], { topic: 'old' });
  rig.run(1000);
  for (const id of everybody) rig.kill(id);
  return rig;
}

test('upgraded under load all stay voters of the catalog and of every topic, and are written down as that', () => {
  const rig = stopped();
  forgetMembers(rig, everybody);
  for (const id of everybody) rig.start(id);
  rig.until('all are up', () => everybody.every((id) => rig.member(id).broker !== null));
  const appends = everybody.map((id) => rig.beginAppend(id, [`again ${id}`], { topic: 'old', timeoutMs: 10_000 }));
  rig.until('all are answered', () => appends.every(({ outcome }) => outcome !== null));
  expect(appends.filter(({ outcome }) => outcome?.ok !== true)).toEqual([]);

  // One after the other again, with appends meanwhile.
  for (const id of everybody) {
    rig.kill(id);
    rig.appended((id % 8) + 1, [`without ${id}`], { topic: 'old', timeoutMs: 10_000 });
    rig.start(id);
    rig.until(`broker ${id} is up`, () => rig.member(id).broker !== null);
    rig.run(500);
  }

  for (const id of everybody) {
    const { catalog, partitions } = rig.broker(id).peek();
    expect(catalog.replicas).toEqual(everybody);
    for (const partition of partitions) expect(partition.replicas).toEqual(everybody);
  }
  // With five voters three of these would be too many.
  for (const id of [1, 2, 3]) rig.kill(id, true);
  rig.run(3000);
  rig.createTopic('late', 8);
  expect(rig.values(8, 'old')).toHaveLength(24);
});

test('brokers that differ in who votes in the catalog do not meet, and say so', () => {
  const rig = stopped();
  forgetMembers(rig, everybody.slice(0, 7));
  for (const id of everybody) rig.start(id);
  rig.until('all are up', () => everybody.every((id) => rig.member(id).broker !== null));
  rig.awaitLeader();
  rig.run(2000);

  const said = (id: number, of: number) =>
    rig
      .broker(id)
      .peek()
      .peers.find((peer) => peer.id === of);
  expect(said(1, 8)).toMatchObject({ connected: false, problem: expect.stringContaining('lists of brokers differ') as string });
  expect(said(8, 1)).toMatchObject({ connected: false, problem: expect.stringContaining('6 (no voter)') as string });
  expect(said(1, 2)).toMatchObject({ connected: true });
});
