import { makeAppendRequest, type RequestForm } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { countRecords, type Load, measureAppends } from '../../src/lab/bench/measure.ts';
import type { Party } from '../compare.ts';
import type { Place, World } from '../world.ts';

const durability = 'synced by a majority';

/** Appends over HTTP to the broker that leads. */
export async function cairnOverHttp(world: World, form: RequestForm, recordsPerRequest: number, connections: number): Promise<Party> {
  const place = await world.freshTopic();
  const url = place.brokers.url(place.leader);
  const { recordBytes } = world.settings;
  const request = makeAppendRequest(url, { topic: place.topic, form, recordBytes, recordsPerRequest });
  const load = await HttpLoad.connect({ url, connections, request });
  return cairn(world, place, load, { warmedUp: await warmUp(world, place), inFlight: connections, recordsPerRequest, isLoadHere: true });
}

/** Appends from within the process of the broker that leads. */
export async function cairnFromInside(world: World, inFlight: number): Promise<Party> {
  const place = await world.freshTopic();
  const driver = world.driver(place.brokers, place.leader);
  const { recordBytes } = world.settings;
  const load = driver.load({ topic: place.topic, inFlight, recordBytes, recordsPerAppend: 1 });
  return cairn(
    world,
    place,
    { ...load, close: () => driver.close() },
    { warmedUp: await warmUp(world, place), inFlight, recordsPerRequest: 1, isLoadHere: false },
  );
}

const warmUpInFlight = 256;

/** What a broker does in its first seconds is compiled while it does it; brokers run for months. */
async function warmUp(world: World, { brokers, topic, leader }: Place): Promise<number> {
  const driver = world.driver(brokers, leader);
  const { recordBytes, warmUpMs } = world.settings;
  const { answered } = await driver.load({ topic, inFlight: warmUpInFlight, recordBytes, recordsPerAppend: 1 }).run(warmUpMs * 1.5);
  driver.close();
  return answered;
}

interface Kind {
  /** What the warming up has appended. */
  readonly warmedUp: number;
  readonly inFlight: number;
  readonly recordsPerRequest: number;
  readonly isLoadHere: boolean;
}

function cairn({ settings }: World, { brokers, topic, leader }: Place, load: Load, kind: Kind): Party {
  const { warmUpMs, measureMs } = settings;
  const { warmedUp, inFlight, recordsPerRequest, isLoadHere } = kind;
  let acknowledged = warmedUp;
  return {
    name: 'Cairn',
    inFlight,
    durability,
    measure: async () => {
      const figures = await measureAppends(brokers, load, { recordsPerRequest, warmUpMs, measureMs });
      acknowledged += figures.acknowledgedInAll;
      const { recordsPerSecond, latencyMs, syncs, recordsAcknowledged } = figures;
      return { recordsPerSecond, latencyMs, syncs, records: recordsAcknowledged, loadPercent: isLoadHere ? figures.cpuPercent : null };
    },
    finish: async () => {
      load.close();
      const client = brokers.client([leader]);
      const readBack = await countRecords(client, topic);
      await client.deleteTopic(topic);
      client.close();
      return { acknowledged, readBack };
    },
  };
}
