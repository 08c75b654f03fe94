import { digits, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

export const limitScenario: Scenario = {
  name: 'limit',
  about: 'the bare replication loop alone, with 1 to 1,024 in flight',
  onlyWhenNamed: true,
  run: async (world) => {
    const rows: Row[] = [];
    for (const inFlight of [1, 64, 256, 1024]) {
      const { recordsPerSecond, latencyMs, syncs, records } = await world.limit(inFlight);
      world.settings.say(`limit, ${inFlight} in flight: ${digits(recordsPerSecond)} records/s, p50 ${digits(latencyMs.p50)} ms`);
      rows.push({
        scenario: 'limit',
        party: `bare loop, ${world.settings.brokers} processes`,
        'in flight': inFlight,
        'records/s': Math.round(recordsPerSecond),
        'p50 ms': latencyMs.p50,
        'p99 ms': latencyMs.p99,
        fsyncs: syncs,
        'records per fsync': records / syncs,
      });
    }
    return { rows, targets: [], counts: [] };
  },
};
