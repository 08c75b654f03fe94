/**
 * A logger as a process (contract 1): lines from many nodes to standard output, to a timeline, and into a topic where one is named. Used by
 * `cairn logger` and by `compat/mp0/logger`. Little is loaded before it listens: what stores lines only if they are to be stored.
 */
import { isatty } from 'node:tty';
import { escapeBytes, escapeControls } from '../../base/escape.ts';
import { ClockOfAgents } from '../../clocks/agent-causes.ts';
import { HybridClock } from '../../clocks/hybrid.ts';
import { type EventLog, LogError, withCallbacks } from '../../eventlog/index.ts';
import { defaultLineSettings, LimitedDiagnostics, LineGateway, Printer } from '../../gateway/lines/index.ts';
import type { TopicStore } from '../../ingest/index.ts';
import { PreciseClock } from '../../system/precise-clock.ts';
import { TimelineFile } from '../../timeline/file.ts';
import { defaultTimelineFile } from '../../timeline/format.ts';
import { TimelineRecorder } from '../../timeline/recorder.ts';
import { CollectedTopic } from './collected-topic.ts';
import { LoggerSink } from './logger-sink.ts';
import { writeAll } from './write-all.ts';

export interface LoggerOptions {
  readonly port: number;
  /** Address to listen on; null for all of the machine. */
  readonly host: string | null;
  /** Where lines are stored besides. The log is closed by whoever opened it. */
  readonly topic: { readonly name: string; readonly log: EventLog } | null;
  /** `default` is cairn-timeline-<port>-<start>.ndjson in the working directory, begun with the first connection; null writes none. */
  readonly timeline: { readonly file: string } | 'default' | null;
  /** For the graphs' title. */
  readonly scenario: string | null;
  readonly lineBytesMax: number;
  /** Descriptor that lines are printed to. */
  readonly output: number;
  /** Diagnostics, one line each. */
  readonly say: (line: string) => void;
  /** It cannot go on. */
  readonly onFatal: (error: LogError) => void;
}

export interface RunningLogger {
  readonly port: number;
  /** Lines stored, given up and still on their way. */
  readonly counts: () => { readonly stored: number; readonly unstored: number; readonly pending: number } | null;
  stop(): Promise<void>;
}

/** Whole lines, which anybody may have sent. A pipe or a file gets every byte as it came. */
const forTerminal = (lines: Uint8Array): Uint8Array =>
  Buffer.from(escapeBytes(lines, (bytes) => decoder.decode(bytes), { keepNewlines: true }));

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const tickMs = 5_000;
const storeGraceMs = 3_000;

export async function startLogger(options: LoggerOptions): Promise<RunningLogger> {
  const { port, host, topic, timeline, scenario, output, onFatal } = options;
  const say = (line: string): void => options.say(escapeControls(line));
  const settings = { ...defaultLineSettings, lineBytesMax: options.lineBytesMax };
  const clock = new PreciseClock();
  const nowS = (): number => clock.nowS();
  const diagnostics = new LimitedDiagnostics(
    (_kind, sentence) => say(sentence),
    () => performance.now(),
  );
  const collecting = topic === null ? null : await openStore(topic);
  const store = collecting?.store ?? null;
  const recorder =
    timeline === null
      ? null
      : new TimelineRecorder({ port, scenario, monotonicS: () => performance.now() / 1000, open: openTimeline, storedCounts: () => store });
  const isTerminal = isatty(output);
  const printer = new Printer(print, nowS);
  // What agents send is not kept here, as brokers keep it: they and the logger share the clock alone.
  const causes = new ClockOfAgents(new HybridClock({ wallMs: () => nowS() * 1000 }));
  const sink = new LoggerSink(printer, recorder, nowS);
  const gateway = new LineGateway({ host, port, settings, sink, store, diagnostics, causes, nowS });
  await new Promise<void>((resolve, reject) => gateway.listen((error) => (error === null ? resolve() : reject(error))));
  const tick = setInterval(() => diagnostics.flush(), tickMs);
  tick.unref();

  return {
    port: gateway.port,
    counts: () => (store === null ? null : { stored: store.stored, unstored: store.unstored, pending: store.pendingCount }),
    async stop() {
      clearInterval(tick);
      collecting?.collected.close();
      await new Promise<void>((resolve) => gateway.close(resolve));
      printer.flush();
      if (store !== null) await new Promise<void>((resolve) => store.close(storeGraceMs, resolve));
      recorder?.flush(true);
      diagnostics.flush(true);
    },
  };

  function print(bytes: Uint8Array): void {
    try {
      writeAll(output, isTerminal ? forTerminal(bytes) : bytes);
    } catch (error) {
      // What it prints is what it is for: nodes must not go on to send it to nobody.
      const reason = (error as NodeJS.ErrnoException).code === 'EPIPE' ? 'nobody reads it any more' : (error as Error).message;
      const next = 'Start it again with an output that takes what it prints.';
      onFatal(new LogError('diskFailed', `Cannot write the output: ${reason}`, { next }, { cause: error }));
    }
  }

  function openTimeline(startS: number): (text: string) => void {
    const path = timeline === 'default' || timeline === null ? defaultTimelineFile(port, startS) : timeline.file;
    let hasFailed = false;
    const attempt = <Value>(run: () => Value): Value | null => {
      try {
        return run();
      } catch (error) {
        if (!hasFailed) say(`Cannot write the timeline ${path}: ${(error as Error).message}`);
        hasFailed = true;
        return null;
      }
    };
    // Without a timeline the lines are printed all the same.
    const file = attempt(() => new TimelineFile(path));
    return (text) => void attempt(() => file?.append(text));
  }

  async function openStore({
    name,
    log,
  }: {
    readonly name: string;
    readonly log: EventLog;
  }): Promise<{ readonly store: TopicStore; readonly collected: CollectedTopic }> {
    const [{ TopicStore }, { systemBytes }, { SystemClock }] = await Promise.all([
      import('../../ingest/index.ts'),
      import('../../system/bytes.ts'),
      import('../../system/clock.ts'),
    ]);
    const made = new TopicStore({
      log: withCallbacks(log),
      clock: new SystemClock(),
      bytes: systemBytes,
      topic: name,
      limits: settings,
      whenFull: 'drop',
      tell: (kind, sentence) => diagnostics.tell(kind, sentence),
      topicIsGone: () => void collected.make(),
      newId: () => crypto.randomUUID(),
    });
    const collected = new CollectedTopic(log, name, {
      created: () => say(`Created topic "${name}"`),
      there: (partitions) => made.topicIsThere(partitions),
      delayed: (error) => diagnostics.tell('topic', `Cannot look for topic "${name}" now, trying again: ${error.message}`),
      failed: onFatal,
    });
    void collected.make();
    return { store: made, collected };
  }
}
