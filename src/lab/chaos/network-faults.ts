import { leaderAsSeenBy, pause } from '../rig/index.ts';
import type { Fault, Field, Injected } from './fault.ts';
import { dropRule, openRule } from './link-proxy.ts';

/** Partitions of every shape, and networks that are merely bad. Clients reach every broker all the time. */
export const networkFaults: readonly Fault[] = [
  {
    name: 'partition-leader',
    family: 'partition',
    tools: [],
    inject: (field) => isolate(field, [field.leader, ...field.followers.slice(0, minoritySize(field) - 1)]),
  },
  {
    name: 'partition-follower',
    family: 'partition',
    tools: [],
    inject: (field) => isolate(field, field.followers.slice(0, field.random.between(1, minoritySize(field)))),
  },
  {
    // The leader is not heard by some, or does not hear.
    name: 'partition-one-way',
    family: 'partition',
    tools: [],
    async inject(field) {
      const isMute = field.random.chance(0.5);
      const others = field.random.chance(0.5) ? field.followers : [field.random.pick(field.followers)];
      for (const other of others) {
        if (isMute) field.proxy.set(field.leader, other, dropRule);
        else field.proxy.set(other, field.leader, dropRule);
      }
      await pause(field.random.between(800, 3000));
      heal(field);
      return { brokers: [field.leader], kills: 0, note: isMute ? 'is not heard' : 'does not hear' };
    },
  },
  {
    // One follower and the leader cannot reach each other; every other pair can, so there is a majority around the leader all the time.
    name: 'partition-partial',
    family: 'partition',
    tools: [],
    async inject(field) {
      const cutOff = field.random.pick(field.followers);
      field.proxy.set(field.leader, cutOff, dropRule);
      field.proxy.set(cutOff, field.leader, dropRule);
      const leaderChanges = await countLeaderChanges(field, field.random.between(1500, 3500));
      heal(field);
      return { brokers: [field.leader, cutOff], kills: 0, leaderChanges };
    },
  },
  {
    name: 'slow-network',
    family: 'network',
    tools: [],
    async inject(field) {
      const delayMs = field.random.between(20, 100);
      const bytesPerSecond = field.random.chance(0.5) ? 125_000 : null;
      for (const from of field.brokers.ids) {
        for (const to of field.brokers.ids) if (from !== to) field.proxy.set(from, to, { ...openRule, delayMs, bytesPerSecond });
      }
      await pause(field.random.between(1000, 3000));
      field.proxy.heal();
      return { brokers: field.brokers.ids, kills: 0, note: `${delayMs} ms${bytesPerSecond === null ? '' : ', 1 Mbit/s'}` };
    },
  },
  {
    name: 'reset',
    family: 'network',
    tools: [],
    async inject(field) {
      const other = field.random.pick(field.followers);
      for (let i = 0; i < 3; i++) {
        field.proxy.resetWithinChunk(field.leader, other);
        await pause(field.random.between(50, 400));
        field.proxy.reset(field.leader, other);
        await pause(field.random.between(50, 400));
      }
      return { brokers: [field.leader, other], kills: 0 };
    },
  },
  {
    name: 'half-open',
    family: 'network',
    tools: [],
    async inject(field) {
      const other = field.random.pick(field.followers);
      const [gone, left] = field.random.chance(0.5) ? [field.leader, other] : [other, field.leader];
      const connections = field.proxy.halfOpen(gone, left);
      await pause(field.random.between(500, 2500));
      return { brokers: [gone, left], kills: 0, note: `${connections} connections` };
    },
  },
];

const minoritySize = (field: Field): number => Math.floor((field.brokers.ids.length - 1) / 2);

const PROBE_MS = 1_000;
const PROBE_BYTES = 100;

/** Cuts brokers that are no majority off from all others, and meanwhile asks them for what they must not give. */
async function isolate(field: Field, minority: readonly number[]): Promise<Injected> {
  const others = field.brokers.ids.filter((id) => !minority.includes(id));
  for (const one of minority) {
    for (const other of others) {
      field.proxy.set(one, other, dropRule);
      field.proxy.set(other, one, dropRule);
    }
  }
  let isOver = false;
  let tried = 0;
  let acknowledged = 0;
  const ask = async (id: number): Promise<void> => {
    const client = field.brokers.client([id]);
    while (!isOver) {
      const attempt = await field.load.probe(client, PROBE_BYTES, PROBE_MS);
      // One that was still under way when the network was whole again says nothing.
      if (isOver) break;
      tried++;
      if (attempt.offset !== null) acknowledged++;
      await pause(50);
    }
    client.close();
  };
  const asking = minority.map(ask);
  await pause(field.random.between(1200, 4000));
  isOver = true;
  heal(field);
  await Promise.all(asking);
  return { brokers: minority, kills: 0, minority: { tried, acknowledged } };
}

/** What waited arrives late, or the connections are broken and it never does. */
function heal(field: Field): void {
  if (field.random.chance(0.5)) {
    for (const one of field.brokers.ids) for (const other of field.brokers.ids) if (one < other) field.proxy.reset(one, other);
  }
  field.proxy.heal();
}

async function countLeaderChanges(field: Field, forMs: number): Promise<number> {
  const untilMs = performance.now() + forMs;
  const seen = new Set<number>();
  while (performance.now() < untilMs) {
    for (const id of field.brokers.ids) {
      const view = await leaderAsSeenBy(field.brokers, id, field.topic);
      if (view !== null) seen.add(view.term);
    }
    await pause(50);
  }
  return Math.max(0, seen.size - 1);
}
