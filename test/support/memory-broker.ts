import { Spans } from '../../src/broker/spans.ts';
import { type EventLog, withPromises } from '../../src/eventlog/index.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { createHttpGateway, defaultHttpSettings, type Front, hashToken } from '../../src/gateway/http/index.ts';
import { createTopicsSearcher } from '../../src/search/topics/index.ts';
import { memorySubscriptions } from '../../src/subscribers/memory.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { ownModule } from '../../src/system/package.ts';
import { systemRandom } from '../../src/system/random.ts';
import { testClock } from './clock.ts';
import { noSchedules } from './no-schedules.ts';
import { noAgents, noTrace } from './no-trace.ts';

export interface MemoryBroker {
  readonly url: string;
  readonly front: Front;
  readonly memory: MemoryLog;
  /** The log behind the gateway, without HTTP. */
  readonly log: EventLog;
  close(): Promise<void>;
}

/** The real gateway over the in-memory log, on a free port: what a command or a client meets, without disks and elections. */
export function startMemoryBroker(
  options: {
    readonly port?: number;
    readonly token?: string;
    readonly tls?: { readonly cert: string; readonly key: string };
    readonly faultInjection?: boolean;
  } = {},
): Promise<MemoryBroker> {
  const clock = testClock();
  let address = '127.0.0.1:0';
  const memoryOptions = {
    clock,
    bytes: systemBytes,
    get address() {
      return address;
    },
  };
  const memory = new MemoryLog(memoryOptions);
  const topic = createTopicsSearcher({ machine: 'machine', log: withPromises(memory), bytes: systemBytes, grep: null });
  const front = createHttpGateway({
    broker: memory,
    subscriptions: memorySubscriptions({ log: memory, clock, bytes: systemBytes, retrying: { waitMs: 50, waitMsMax: 100, triesMax: 4 } }),
    schedules: noSchedules,
    trace: noTrace,
    spans: new Spans('broker-1', clock, systemRandom),
    sampleEvery: 0,
    spanExport: () => ({ exported: 0, dropped: 0 }),
    agentClocks: noAgents,
    clock,
    bytes: systemBytes,
    random: systemRandom,
    logger: { log: () => undefined },
    settings: defaultHttpSettings,
    host: '127.0.0.1',
    port: options.port ?? 0,
    listenRetryMs: 0,
    closesWithAnswer: false,
    ownNames: [],
    extraHosts: [],
    tokenHash: options.token === undefined ? null : hashToken(options.token),
    tls: options.tls ?? null,
    faultInjection: options.faultInjection ?? false,
    logFile: null,
    takesPeersFrom: () => true,
    onPeer: (socket) => void socket.destroy(),
    onDistrusted: () => undefined,
    onExit: () => undefined,
    loadApiEarly: true,
    search: {
      machine: 'machine',
      searchers: { files: null, topic },
      machines: [],
      partitionsOf: (name) => memory.partitionsOf(name),
      own: null,
      token: null,
      ca: null,
    },
    version: '0.0.0',
    batchBytesMax: 8 * 1024 * 1024,
    pageFolder: '/nonexistent',
    recordThread: ownModule('gateway/http/record-thread'),
  });
  return new Promise((resolve, reject) => {
    front.listen((error) => {
      if (error !== null) {
        reject(error);
        return;
      }
      // The name that the certificate of the tests is for.
      address = `${options.tls === undefined ? '127.0.0.1' : 'localhost'}:${front.port}`;
      const close = (): Promise<void> => new Promise((done) => front.close(0, done));
      resolve({ url: `${options.tls === undefined ? 'http' : 'https'}://${address}`, front, memory, log: withPromises(memory), close });
    });
  });
}
