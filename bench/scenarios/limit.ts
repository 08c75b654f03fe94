import type { Scenario } from './scenario.ts';

export const limitScenario: Scenario = {
  name: 'limit',
  about: 'the bare replication loop alone, 1 to 1,024 in flight',
  run: async (world) => {
    const rows = [];
    for (const inFlight of [1, 64, 256, 1024]) {
      const result = await world.limit(inFlight);
      rows.push({
        scenario: 'limit',
        of: 'bare loop',
        'in flight': inFlight,
        'records/s': Math.round(result.recordsPerSecond),
        'p50 ms': result.latencyMs.p50,
        'p99 ms': result.latencyMs.p99,
        fsyncs: result.syncs,
      });
    }
    return { rows, targets: [] };
  },
};
