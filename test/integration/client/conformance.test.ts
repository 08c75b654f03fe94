import { Client } from '../../../src/client/index.ts';
import { eventLogConformance } from '../../conformance/event-log.ts';
import { startMemoryBroker } from '../../support/memory-broker.ts';

eventLogConformance(
  'the client over HTTP, the in-memory twin behind it',
  async () => {
    const broker = await startMemoryBroker();
    const client = new Client({ servers: [broker.url], attemptMs: 60_000, timeoutMs: 60_000 });
    return {
      log: client,
      // /v1 never revokes (design, D7): what others revoked must look the same to a client all the same.
      revoking: broker.memory,
      close: () => {
        client.close();
        return broker.close();
      },
    };
  },
  { batchBytesMax: 8 * 1024 * 1024 },
);
