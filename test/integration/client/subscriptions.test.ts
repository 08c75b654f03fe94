import { Client } from '../../../src/client/index.ts';
import { subscriptionConformance } from '../../conformance/subscriptions.ts';
import { startMemoryBroker } from '../../support/memory-broker.ts';

subscriptionConformance('the HTTP client', async () => {
  const broker = await startMemoryBroker();
  const client = new Client({ servers: [broker.url], discover: false });
  return {
    log: client,
    subscriptions: client.subscriptions,
    close: async () => {
      client.close();
      await broker.close();
    },
  };
});
