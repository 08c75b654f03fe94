import { connect } from 'node:net';
import { type EventLog, withPromises, withSubscriptionPromises } from '../../src/eventlog/index.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { defaultWireSettings, Peers, WireGateway, type WireGatewayOptions, type WireSettings } from '../../src/gateway/cs550/index.ts';
import { memorySubscriptions } from '../../src/subscribers/memory.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { testClock } from './clock.ts';

export interface TestWire {
  readonly gateway: WireGateway;
  readonly memory: MemoryLog;
  readonly log: EventLog;
  readonly lines: string[];
  /** Sends it, and gives what is answered until the connection is closed. */
  ask(request: unknown): Promise<string>;
  askText(text: string | Uint8Array): Promise<string>;
  close(): void;
}

/** The gateway of the old wire, as one of eight, on a free port over the in-memory twin. */
export async function startWire(
  options: Partial<Omit<WireGatewayOptions, 'settings'>> & { readonly settings?: Partial<WireSettings> } = {},
): Promise<TestWire> {
  const clock = testClock();
  const memory = new MemoryLog({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const lines: string[] = [];
  const { settings, ...rest } = options;
  const gateway = new WireGateway({
    host: '127.0.0.1',
    port: 0,
    vertex: 4,
    log,
    subscriptions: withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes })),
    peers: new Peers(8),
    settings: { ...defaultWireSettings, ...settings },
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    pause: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
    newRequestId: () => crypto.randomUUID(),
    faults: memory.faults,
    faultInjection: true,
    recoverPeer: () => Promise.resolve(null),
    write: (line) => void lines.push(line),
    ...rest,
  });
  await new Promise<void>((resolve, reject) => gateway.listen((error) => (error === null ? resolve() : reject(error))));
  const askText = (text: string | Uint8Array): Promise<string> => askPort(gateway.port, text);
  return {
    gateway,
    memory,
    log,
    lines,
    ask: (request) => askText(JSON.stringify(request)),
    askText,
    close: () => gateway.close(),
  };
}

/** Rejects where the connection is refused or reset. */
export function askPort(port: number, text: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
      socket.end();
    });
    socket.on('error', reject);
  });
}
