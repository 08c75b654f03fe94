import { Client } from '../../../src/client/index.ts';
import { eventLogConformance } from '../../conformance/event-log.ts';
import { startMemoryBroker } from '../../support/memory-broker.ts';

eventLogConformance(
  'the client over HTTP, the in-memory twin behind it',
  async () => {
    const broker = await startMemoryBroker();
    const client = new Client({ servers: [broker.url] });
    // /v1 never revokes (design, D7): what others revoked must look the same to a client all the same.
    client.revoke = (topic, requestId) => broker.log.revoke(topic, requestId);
    return {
      log: client,
      close: () => {
        client.close();
        return broker.close();
      },
    };
  },
  { batchBytesMax: 8 * 1024 * 1024 },
);
