/** Full load for minutes, with the memory of every broker over time. */
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { countRecords, measureAppends } from '../../src/lab/bench/measure.ts';
import { readMemoryBytes } from '../../src/lab/rig/index.ts';
import { atMost, median } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const connections = 64;
const sampleMs = 1_000;
/** Until the heap has grown to what the load needs. */
const settlePart = 0.2;

export const soakScenario: Scenario = {
  name: 'soak',
  about: 'full load (HTTP, one record a request, 64 connections) for minutes: memory of every broker over time',
  onlyWhenNamed: true,
  section: 'soak',
  run: async (world) => {
    const { settings } = world;
    const { brokers, topic, leader } = await world.freshTopic();
    const url = brokers.url(leader);
    const request = makeAppendRequest(url, { topic, form: 'text', recordBytes: settings.recordBytes, recordsPerRequest: 1 });
    const load = await HttpLoad.connect({ url, connections, request });
    const curves = brokers.ids.map((): [number, number][] => []);
    const beganMs = performance.now();
    const timer = setInterval(() => {
      const minutes = (performance.now() - beganMs) / 60_000;
      for (const [index, id] of brokers.ids.entries()) curves[index]?.push([minutes, readMemoryBytes(brokers.pid(id) ?? 0) / 1e6]);
      const latest = curves.map((curve) => Math.round(curve.at(-1)?.[1] ?? 0));
      if (curves[0] !== undefined && curves[0].length % 10 === 0) settings.say(`soak, ${minutes.toFixed(1)} min: ${latest.join(', ')} MB`);
    }, sampleMs);
    let figures: Awaited<ReturnType<typeof measureAppends>>;
    try {
      figures = await measureAppends(brokers, load, { recordsPerRequest: 1, warmUpMs: settings.warmUpMs, measureMs: settings.soakMs });
    } finally {
      clearInterval(timer);
      load.close();
    }
    const client = brokers.client([leader]);
    const readBack = await countRecords(client, topic);
    client.close();
    const growths = curves.map(growthOf);
    return {
      rows: brokers.ids.map((id, index) => {
        const megabytes = curves[index]?.map(([, each]) => each) ?? [];
        return {
          scenario: 'soak',
          party: `Cairn, broker ${id}${id === leader ? ', the leader' : ''}`,
          'records/s': Math.round(figures.recordsPerSecond),
          'p99 ms': figures.latencyMs.p99,
          'memory MB, median': median(megabytes),
          'memory MB, most': Math.max(...megabytes),
          'end to beginning': growths[index] ?? null,
        };
      }),
      targets: [atMost('memory in the last fifth to that in the second fifth, the worst broker', Math.max(...growths), 1.1)],
      counts: [{ of: 'soak', acknowledged: figures.acknowledgedInAll, readBack }],
      graphs: [
        {
          name: 'soak-memory',
          kind: 'chart',
          title: 'Resident memory at full load',
          xTitle: 'time (minutes)',
          yTitle: 'memory (MB)',
          series: brokers.ids.map((id, index) => ({ label: `broker ${id}`, marks: 'line', points: thinned(curves[index] ?? []) })),
        },
      ],
    };
  },
};

function growthOf(curve: readonly (readonly [number, number])[]): number {
  const megabytes = curve.map(([, each]) => each);
  const part = Math.floor(megabytes.length * settlePart);
  return median(megabytes.slice(-part)) / median(megabytes.slice(part, part * 2));
}

/** As many as a graph can show. */
function thinned<Point>(points: readonly Point[]): readonly Point[] {
  const step = Math.ceil(points.length / 150);
  return points.filter((_, index) => index % step === 0);
}
