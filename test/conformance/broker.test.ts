import { brokerId } from '../../src/base/branded.ts';
import { Broker, defaultSettings } from '../../src/broker/index.ts';
import { withPromises, withSubscriptionPromises } from '../../src/eventlog/index.ts';
import type { Network } from '../../src/host/index.ts';
import { MemoryDisk } from '../../src/storage/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { SystemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { eventLogConformance } from './event-log.ts';
import { subscriptionConformance } from './subscriptions.ts';

const noNetwork: Network = {
  accept: () => undefined,
  dial: () => {
    throw new Error('a broker alone dials nobody');
  },
};

async function openAlone() {
  const clock = new SystemClock();
  const self = { id: brokerId(1), host: '127.0.0.1', port: 1 };
  const broker = new Broker({
    host: {
      clock,
      random: systemRandom,
      disk: new MemoryDisk(clock),
      network: noNetwork,
      bytes: systemBytes,
      logger: { log: () => undefined },
    },
    self,
    brokers: [self],
    settings: { ...defaultSettings, electionTimeoutMs: 50, heartbeatMs: 10, tickMs: 5, retryWaitMs: 50 },
    version: '0.0.0',
    clusterId: null,
    secret: null,
    logOnly: false,
    onFatal: (error) => {
      throw error;
    },
  });
  await new Promise<void>((resolve, reject) => broker.open((result) => (result.ok ? resolve() : reject(result.error))));
  const log = withPromises(broker);
  const subscriptions = withSubscriptionPromises(broker.subscriptions);
  return { log, subscriptions, revoking: broker, close: () => new Promise<void>((resolve) => broker.close(1000, resolve)) };
}

eventLogConformance('a broker alone, in memory', openAlone);
subscriptionConformance('a broker alone, in memory', openAlone);
