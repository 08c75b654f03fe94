/** From SIGKILL of the leader to the acknowledgement of an append that was sent afterwards, with default settings, under load. */
import path from 'node:path';
import { percentile } from '../../src/base/percentile.ts';
import { findLeader, type LoadedRun, pause, runUnderLoad } from '../../src/lab/rig/index.ts';
import { atMost, digits } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const workers = 8;
const pauseMs = 500;

export const failoverScenario: Scenario = {
  name: 'failover',
  about: 'from SIGKILL of the leader to the next acknowledged append, by clients that try again',
  run: async (world) => {
    const { settings } = world;
    await world.quiet();
    const result = await runUnderLoad(
      { brokers: { count: settings.brokers, parent: settings.folder }, workers, folder: path.join(world.folder, 'failover') },
      async (run) => {
        const times: number[] = [];
        for (let kill = 1; kill <= settings.kills; kill++) {
          times.push(await killLeader(run));
          settings.say(`failover, kill ${kill} of ${settings.kills}: ${digits(times.at(-1) ?? 0)} ms`);
        }
        return times.sort((a, b) => a - b);
      },
    );
    const times = result.value;
    const { damage, attempts, copies } = result;
    const acknowledged = attempts.filter((attempt) => attempt.offset !== null).length;
    const p50 = percentile(times, 0.5);
    const p99 = percentile(times, 0.99);
    return {
      rows: [{ scenario: 'failover', party: 'Cairn', kills: times.length, 'p50 ms': p50, 'p99 ms': p99, 'max ms': times.at(-1) ?? 0 }],
      targets: [
        atMost('a new leader after a kill: p50', p50, 500, ' ms'),
        atMost(`a new leader after a kill: p99 of ${times.length}`, p99, 1000, ' ms'),
      ],
      counts: copies.map(({ broker }) => ({
        of: `failover, broker ${broker}`,
        acknowledged,
        readBack: acknowledged - damage.lost - damage.moved + damage.doubled,
      })),
      notes: damage.examples,
    };
  },
};

async function killLeader({ brokers, load, topic, watchdog }: LoadedRun): Promise<number> {
  watchdog.feed('a kill of the leader');
  await pause(pauseMs);
  const leader = await findLeader(brokers, topic);
  const killedMs = performance.now();
  const recovered = load.acknowledgedAfter(killedMs);
  await brokers.kill(leader, 'SIGKILL');
  const first = await recovered;
  await brokers.restart(leader);
  return first.endedMs - killedMs;
}
