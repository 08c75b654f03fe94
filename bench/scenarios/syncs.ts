/** Whether they sync before they answer, counted by strace from outside while one append after another is made. It slows them down, hence nothing but the counts is kept. */
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { countSyncs, type Load } from '../../src/lab/bench/measure.ts';
import { pause } from '../../src/lab/rig/index.ts';
import type { Row } from '../figures.ts';
import { jetStreamSettings } from '../parties/others.ts';
import { buildNames } from '../peers/builds.ts';
import { countSyncsOutside } from '../peers/count-syncs.ts';
import type { Scenario } from '../scenario.ts';

const sampleMs = 1000;

export const syncsScenario: Scenario = {
  name: 'syncs',
  about: 'who syncs before the answer: syncs counted by strace while one append after another is made',
  run: async (world) => {
    const { recordBytes } = world.settings;
    const notes: string[] = [];
    const rows: Row[] = [];
    const noCount = (): Promise<number | null> => Promise.resolve(null);
    const sample = async (party: string, pids: readonly number[], load: Load, ownCount = noCount): Promise<void> => {
      await load.run(sampleMs / 4);
      // What the start has left to be synced is not the appends'.
      await pause(sampleMs / 2);
      const before = await ownCount();
      const sampled = await countSyncsOutside(pids, async () => (await load.run(sampleMs)).answered);
      const after = await ownCount();
      load.close();
      if (sampled === null) {
        notes.push(`${party}: strace is not installed or may not attach, nothing was counted`);
        return;
      }
      const perAppend = sampled.syncs / sampled.value;
      rows.push({
        scenario: 'syncs',
        party,
        processes: pids.length,
        appends: sampled.value,
        'syncs by strace': sampled.syncs,
        'by its own count': before === null || after === null ? null : after - before,
        'syncs for each append': perAppend,
        'syncs before the answer': perAppend >= pids.length / 2 ? 'yes, a majority' : perAppend > 0.1 ? 'not always' : 'NO',
      });
    };

    const { brokers, topic, leader } = await world.freshTopic();
    const url = brokers.url(leader);
    const request = makeAppendRequest(url, { topic, form: 'text', recordBytes, recordsPerRequest: 1 });
    const pids = brokers.ids.flatMap((id) => brokers.pid(id) ?? []);
    await sample('Cairn', pids, await HttpLoad.connect({ url, connections: 1, request }), () => countSyncs(brokers));
    for (const build of buildNames) {
      const etcd = await world.etcd(build);
      if (etcd !== null) await sample(`etcd ${etcd.version}`, etcd.pids, await etcd.load('syncs/', 1, recordBytes));
    }
    for (const { build, syncsAlways } of jetStreamSettings) {
      const jetStream = await world.jetStream(build, syncsAlways);
      if (jetStream === null) continue;
      const name = `JetStream ${jetStream.version}${syncsAlways ? ', syncs always' : ''}`;
      await sample(name, jetStream.pids, await jetStream.load('syncs', 1, recordBytes));
    }
    const client = brokers.client();
    await client.deleteTopic(topic);
    client.close();
    return { rows, targets: [], counts: [], notes: [...world.missing, ...notes] };
  },
};
