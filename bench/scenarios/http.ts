import { countRecords, measureHttpAppends, type RequestForm } from '../../src/lab/bench/http-appends.ts';
import type { Scenario } from './scenario.ts';

interface HttpScenario {
  readonly name: string;
  readonly about: string;
  readonly inFlight: number;
  readonly form: RequestForm;
  readonly recordsPerRequest: number;
}

const httpScenario = ({ name, about, inFlight, form, recordsPerRequest }: HttpScenario): Scenario => ({
  name,
  about,
  run: async (world) => {
    const { settings } = world;
    const brokers = await world.brokers();
    const { topic, leader } = await world.freshTopic();
    const figures = await measureHttpAppends(brokers, leader, {
      topic,
      inFlight,
      form,
      recordBytes: settings.recordBytes,
      recordsPerRequest,
      warmUpMs: settings.warmUpSeconds * 1000,
      measureMs: settings.seconds * 1000,
    });
    const client = brokers.client([leader]);
    const readBack = await countRecords(client, topic);
    client.close();
    return {
      rows: [
        {
          scenario: name,
          of: 'cairn',
          'in flight': inFlight,
          'records/s': Math.round(figures.recordsPerSecond),
          'p50 ms': figures.latencyMs.p50,
          'p99 ms': figures.latencyMs.p99,
          fsyncs: figures.syncs,
          'records per fsync': figures.recordsPerSync,
          acknowledged: figures.acknowledgedInAll,
          'read back': readBack,
        },
      ],
      targets: [],
    };
  },
});

export const httpScenarios: readonly Scenario[] = [
  httpScenario({ name: 'http-1', about: 'one record a request, 1 connection', inFlight: 1, form: 'text', recordsPerRequest: 1 }),
  httpScenario({ name: 'http-64', about: 'one record a request, 64 connections', inFlight: 64, form: 'text', recordsPerRequest: 1 }),
  httpScenario({ name: 'http-text', about: '1,000 records a request, lines', inFlight: 8, form: 'text', recordsPerRequest: 1000 }),
  httpScenario({ name: 'http-json', about: '1,000 records a request, JSON', inFlight: 8, form: 'json', recordsPerRequest: 1000 }),
  httpScenario({
    name: 'http-batches',
    about: '1,000 records a request, RecordBatch',
    inFlight: 8,
    form: 'batches',
    recordsPerRequest: 1000,
  }),
];
