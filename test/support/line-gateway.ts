import { ClockOfAgents } from '../../src/clocks/agent-causes.ts';
import { HybridClock } from '../../src/clocks/index.ts';
import { withPromises } from '../../src/eventlog/index.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { defaultLineSettings, type Diagnostics, LineGateway, type LineSettings } from '../../src/gateway/lines/index.ts';
import { TopicStore } from '../../src/ingest/index.ts';
import { forEachRecord } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { testClock } from './clock.ts';

export interface TestLineGateway {
  readonly gateway: LineGateway;
  readonly store: TopicStore;
  readonly told: string[];
  /** Keeps connections and lines, so that an agent goes on elsewhere. */
  close(): Promise<void>;
}

export const testTopic = 'lines';

export async function makeMemoryLog(): Promise<MemoryLog> {
  const memory = new MemoryLog({ clock: testClock(), bytes: systemBytes });
  await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
  return memory;
}

/** A line gateway in front of a topic in memory, without a printer. */
export async function startLineGateway(
  memory: MemoryLog,
  options: {
    readonly port?: number;
    readonly settings?: Partial<LineSettings>;
    readonly whenFull?: 'drop' | 'wait';
    readonly aheadMs?: number;
  } = {},
): Promise<TestLineGateway> {
  const told: string[] = [];
  const diagnostics: Diagnostics = { tell: (_kind, sentence) => void told.push(sentence) };
  const settings = { ...defaultLineSettings, ...options.settings };
  const store = new TopicStore({
    log: memory,
    clock: { ...testClock(), wallMs: () => 1_000 },
    bytes: systemBytes,
    topic: testTopic,
    limits: settings,
    whenFull: options.whenFull ?? 'wait',
    tell: (_kind, sentence) => void told.push(sentence),
    topicIsGone: () => undefined,
    newId: () => crypto.randomUUID(),
  });
  store.topicIsThere();
  const gateway = new LineGateway({
    host: '127.0.0.1',
    port: options.port ?? 0,
    settings,
    sink: null,
    store,
    diagnostics,
    causes: new ClockOfAgents(new HybridClock({ wallMs: () => Date.now() + (options.aheadMs ?? 0) })),
    nowS: () => Date.now() / 1000,
  });
  await new Promise<void>((resolve, reject) => gateway.listen((error) => (error === null ? resolve() : reject(error))));
  return { gateway, store, told, close: () => new Promise((resolve) => gateway.close(resolve)) };
}

export interface StoredLine {
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
}

/** Everything in the topic, in order. */
export async function storedLines(memory: MemoryLog, partition = 0): Promise<StoredLine[]> {
  const lines: StoredLine[] = [];
  for (let offsetFrom = 0; ; ) {
    const result = await withPromises(memory).read({
      topic: testTopic,
      partition,
      offsetFrom,
      sinceMs: null,
      bytesMax: 64 * 1024 * 1024,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
    });
    for (const batch of result.batches) {
      forEachRecord(batch, (record) => {
        const text = (part: Uint8Array | null): string => Buffer.from(part ?? []).toString('latin1');
        lines.push({ key: text(record.key()), value: text(record.value()), timestampMs: record.timestampMs });
      });
    }
    if (result.offsetNext <= offsetFrom) return lines;
    offsetFrom = result.offsetNext;
  }
}
