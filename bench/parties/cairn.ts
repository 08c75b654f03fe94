import { makeAppendRequest, type RequestForm } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { countRecords, type Load, measureAppends } from '../../src/lab/bench/measure.ts';
import type { Party } from '../compare.ts';
import type { Place, World } from '../world.ts';

export const cairnName = 'Cairn';
const durability = 'synced by a majority';

/** Appends over HTTP to the broker that leads. */
export async function cairnOverHttp(world: World, form: RequestForm, recordsPerRequest: number, connections: number): Promise<Party> {
  const place = await world.freshTopic();
  const url = place.brokers.url(place.leader);
  const { recordBytes } = world.settings;
  const request = makeAppendRequest(url, { topic: place.topic, form, recordBytes, recordsPerRequest });
  return cairn(world, place, await HttpLoad.connect({ url, connections, request }), recordsPerRequest);
}

/** Appends from within the process of the broker that leads. */
export async function cairnFromInside(world: World, inFlight: number): Promise<Party> {
  const place = await world.freshTopic();
  const driver = world.driver(place.brokers, place.leader);
  const { recordBytes } = world.settings;
  const load = driver.load({ topic: place.topic, inFlight, recordBytes, recordsPerAppend: 1 });
  return cairn(world, place, { ...load, close: () => driver.close() }, 1);
}

function cairn({ settings }: World, { brokers, topic, leader }: Place, load: Load, recordsPerRequest: number): Party {
  const { warmUpMs, measureMs } = settings;
  let acknowledged = 0;
  return {
    name: cairnName,
    durability,
    measure: async () => {
      const figures = await measureAppends(brokers, load, { recordsPerRequest, warmUpMs, measureMs });
      acknowledged += figures.acknowledgedInAll;
      const { recordsPerSecond, latencyMs, syncs, recordsAcknowledged } = figures;
      return { recordsPerSecond, latencyMs, syncs, records: recordsAcknowledged };
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
