import { Spans } from '../../src/broker/spans.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { createHttpGateway, defaultHttpSettings, type Front, type GatewayOptions } from '../../src/gateway/http/index.ts';
import type { HttpSettings } from '../../src/gateway/http/settings.ts';
import { memorySubscriptions } from '../../src/subscribers/memory.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { ownModule } from '../../src/system/package.ts';
import { systemRandom } from '../../src/system/random.ts';
import { testClock } from './clock.ts';
import { noSchedules } from './no-schedules.ts';
import { noAgents, noTrace } from './no-trace.ts';

export interface TestGateway {
  readonly twin: MemoryLog;
  readonly front: Front;
  readonly url: string;
  readonly logged: { readonly event: string; readonly fields: unknown }[];
  /** How often `POST /exit` was answered. */
  readonly exits: { count: number };
  close(): Promise<void>;
}

export interface TestGatewayOptions extends Partial<Omit<GatewayOptions, 'settings'>> {
  readonly settings?: Partial<HttpSettings>;
}

/** A gateway on a free port over the in-memory twin, with fault injection. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const clock = testClock();
  const twin = new MemoryLog({ clock, bytes: systemBytes, batchBytesMax: 8 * 1024 * 1024 });
  const logged: { event: string; fields: unknown }[] = [];
  const exits = { count: 0 };
  const { settings, ...rest } = options;
  const front = createHttpGateway({
    broker: twin,
    subscriptions: memorySubscriptions({ log: twin, clock, bytes: systemBytes }),
    schedules: noSchedules,
    trace: noTrace,
    spans: new Spans('broker-1', clock, systemRandom),
    sampleEvery: 0,
    spanExport: () => ({ exported: 0, dropped: 0 }),
    agentClocks: noAgents,
    clock,
    bytes: systemBytes,
    random: systemRandom,
    logger: { log: (_level, event, fields) => void logged.push({ event, fields }) },
    settings: { ...defaultHttpSettings, ...settings },
    host: '127.0.0.1',
    port: 0,
    listenRetryMs: 0,
    closesWithAnswer: false,
    ownNames: [],
    extraHosts: [],
    tokenHash: null,
    tls: null,
    faultInjection: true,
    logFile: null,
    takesPeersFrom: () => true,
    onPeer: (socket) => socket.destroy(),
    onDistrusted: () => undefined,
    onExit: () => {
      exits.count++;
    },
    loadApiEarly: false,
    search: {
      machine: 'machine',
      searchers: { files: null, topic: null },
      machines: [],
      partitionsOf: () => null,
      own: null,
      token: null,
      ca: null,
    },
    version: '0.0.0',
    batchBytesMax: 8 * 1024 * 1024,
    pageFolder: '/nonexistent',
    recordThread: ownModule('gateway/http/record-thread'),
    ...rest,
  });
  await new Promise<void>((resolve, reject) => {
    front.listen((error) => (error === null ? resolve() : reject(error)));
  });
  const url = `${options.tls === undefined || options.tls === null ? 'http' : 'https'}://127.0.0.1:${front.port}`;
  return { twin, front, url, logged, exits, close: () => new Promise((resolve) => front.close(100, resolve)) };
}
