/** The event log's suite on three brokers with real disks and sockets, asked at one that need not lead. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig } from '../../src/daemon/config.ts';
import { type RunningDaemon, startBroker } from '../../src/daemon/broker-daemon.ts';
import { stderrLogger } from '../../src/daemon/logging.ts';
import { withPromises } from '../../src/eventlog/index.ts';
import { eventLogConformance } from '../conformance/event-log.ts';
import { freePorts } from '../support/free-ports.ts';

eventLogConformance(
  'three brokers on real disks and sockets',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-conformance-'));
    const brokers = (await freePorts(3)).map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(',');
    const daemons = await Promise.all(['1', '2', '3'].map((broker) => started(broker, brokers, path.join(folder, broker))));
    const asked = daemons.find(({ broker }) => !leadsLog(broker)) ?? (daemons[0] as RunningDaemon);
    const log = withPromises(asked.broker);
    return {
      log,
      revoking: asked.broker,
      close: async () => {
        await Promise.all(daemons.map((daemon) => new Promise<void>((resolve) => daemon.stop(2000, resolve))));
        rmSync(folder, { recursive: true });
      },
    };
  },
  { batchBytesMax: 8 * 1024 * 1024 },
);

function started(broker: string, brokers: string, data: string): Promise<RunningDaemon> {
  const config = readConfig({ file: null, env: {}, flags: { broker, brokers, data } });
  return new Promise((resolve, reject) => {
    const daemon = startBroker(config, stderrLogger('error'), {
      onReady: () => void daemon.then(resolve, reject),
      onFatal: reject,
      onExit: () => undefined,
    });
    daemon.catch(reject);
  });
}

function leadsLog(broker: RunningDaemon['broker']): boolean {
  let leads = false;
  broker.status(null, (outcome) => {
    leads = outcome.ok && outcome.value.partitions.some(({ topic, role }) => topic === 'log' && role === 'leader');
  });
  return leads;
}
