import { bareLoop, etcds, jetStreams, loopName, type Peer } from '../parties/others.ts';
import { cairnFromInside, cairnOverHttp } from '../parties/cairn.ts';
import { compare, type Party } from '../compare.ts';
import { atLeast, atMost, type Target } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const inFlightBulk = 8;
const recordsPerRequest = 1000;
/** The bare loop that issue 3 names for requests of many records. */
const inFlightOfLoop = 256;

export const appendScenarios: readonly Scenario[] = [
  ...[1, 64, 256, 1024].map(inside),
  oneByOne(1),
  oneByOne(64),
  bulk('http-text', 'lines of text'),
  bulk('http-json', 'JSON'),
  {
    name: 'http-batches',
    about: `${recordsPerRequest} records a request as a RecordBatch over HTTP, ${inFlightBulk} connections, next to the bare loop with appends of that size`,
    run: async (world) => {
      const loop = bareLoop(world, inFlightBulk, recordsPerRequest);
      const parties = [await cairnOverHttp(world, 'batches', recordsPerRequest, inFlightBulk), loop];
      return compare({
        ...usual(world, 'http-batches', parties),
        targets: (ratios) => [
          atLeast('RecordBatch over HTTP: records/s to the bare loop with appends as large', ratios.rate(loopName) ?? 0, 0.5),
        ],
      });
    },
  },
];

function inside(inFlight: number): Scenario {
  const name = `inside-${inFlight}`;
  return {
    name,
    about: `${inFlight} in flight from within the leader's process, next to the bare loop with as many`,
    run: async (world) => {
      const loop = bareLoop(world, inFlight);
      const parties = [await cairnFromInside(world, inFlight), loop];
      return compare({
        ...usual(world, name, parties),
        targets: (ratios) => [
          inFlight === 1
            ? atMost('inside the leader, 1 in flight: p50 to that of the bare loop', ratios.p50(loopName) ?? 0, 1.25)
            : atLeast(`inside the leader, ${inFlight} in flight: records/s to the bare loop`, ratios.rate(loopName) ?? 0, 0.6),
        ],
      });
    },
  };
}

function oneByOne(connections: number): Scenario {
  const name = `http-${connections}`;
  return {
    name,
    about: `one record a request over HTTP, ${connections} connection${connections === 1 ? '' : 's'}, next to etcd and JetStream`,
    run: async (world) => {
      const ofEtcd = await etcds(world, connections);
      const ofJetStream = await jetStreams(world, connections);
      const peers = [...ofEtcd, ...ofJetStream].map(({ party }) => party);
      const parties = [await cairnOverHttp(world, 'text', 1, connections), ...peers];
      const what = `HTTP, ${connections} connection${connections === 1 ? '' : 's'}: records/s to`;
      const result = await compare({
        ...usual(world, name, parties),
        targets: (ratios) => {
          const target = ({ party, called }: Peer, least: number): Target | null => {
            const ratio = ratios.rate(party.name);
            return ratio === null ? null : atLeast(`${what} ${called}`, ratio, least);
          };
          return [
            ...ofEtcd.map((peer) => target(peer, connections === 1 ? 1.3 : 2)),
            ...ofJetStream.filter(({ syncsFirst }) => syncsFirst || connections === 64).map((peer) => target(peer, 1)),
          ];
        },
      });
      return { ...result, notes: [...world.missing, ...(result.notes ?? [])] };
    },
  };
}

function bulk(name: 'http-text' | 'http-json', shown: string): Scenario {
  return {
    name,
    about: `${recordsPerRequest} records a request as ${shown} over HTTP, ${inFlightBulk} connections, next to the bare loop at ${inFlightOfLoop} in flight`,
    run: async (world) => {
      const loop = bareLoop(world, inFlightOfLoop);
      const parties = [await cairnOverHttp(world, name === 'http-text' ? 'text' : 'json', recordsPerRequest, inFlightBulk), loop];
      return compare({
        ...usual(world, name, parties),
        targets: (ratios) => [
          atLeast(`${shown} over HTTP: records/s to the bare loop at ${inFlightOfLoop} in flight`, ratios.rate(loopName) ?? 0, 0.5),
        ],
      });
    },
  };
}

function usual({ settings }: World, scenario: string, parties: readonly Party[]) {
  return { scenario, rounds: settings.rounds, say: settings.say, parties };
}
