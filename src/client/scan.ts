/** A search of a topic over HTTP: asked for as a search of machines is (`POST /v1/grep/local`), of one broker, and given to a sink as the port has it. */
import { Buffer } from 'node:buffer';
import { judge, LogError, type ScanBegun, type ScanRequest, type ScanResult, type ScanSink, shownTopic } from '../eventlog/index.ts';
import { askMachine, encodeRequest, type MachineOutcome, type Reached, type TopicPart } from '../search/ask/index.ts';
import { knownCode } from './answers.ts';
import type { Servers } from './servers.ts';

export interface ScanOptions {
  readonly servers: Servers;
  readonly token: string | null;
  readonly ca: string | null;
  /** The longest that it may take to connect. */
  readonly attemptMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Another broker is asked only as long as none has given anything. */
export async function scanOver(request: ScanRequest, sink: ScanSink, options: ScanOptions): Promise<ScanResult> {
  const { servers, signal } = options;
  const action = `Cannot search ${shownTopic(request.topic)}`;
  if (request.query.isTimed) throw new LogError('invalidRequest', `${action}: lines do not come with their times over HTTP`);
  let failure: LogError | null = null;
  for (let attempt = 0; failure === null || attempt < servers.all.length; attempt++) {
    const server = servers.current;
    const scan = new Scan(request, sink, server);
    const outcome = await scan.run(options);
    if (scan.result !== null) return scan.result;
    if (signal?.aborted === true) throw new LogError('interrupted', `${action}: interrupted`);
    failure = failureOf(outcome, server, action);
    const { again } = judge(failure, { isUncertain: false, isRepeatable: true });
    if (scan.hasGiven || again === 'no') throw failure;
    servers.leave(server);
  }
  throw failure;
}

function failureOf(outcome: MachineOutcome, server: string, action: string): LogError {
  if (outcome.kind === 'failed') return new LogError('unreachable', `${action}: ${server}: ${outcome.reason}`);
  const { code, message } =
    outcome.kind === 'refused'
      ? { code: outcome.code, message: outcome.reason }
      : { code: outcome.end.code ?? 'internal', message: outcome.end.problem ?? `${action}: ${server} says nothing of it` };
  return new LogError(knownCode(code, true), message);
}

class Scan {
  result: ScanResult | null = null;
  hasGiven = false;
  readonly #request: ScanRequest;
  readonly #sink: ScanSink;
  readonly #server: string;
  #begun: ScanBegun | null = null;
  #reached: Reached | null = null;
  #held: Buffer[] = [];

  constructor(request: ScanRequest, sink: ScanSink, server: string) {
    this.#request = request;
    this.#sink = sink;
    this.#server = server;
  }

  async run({ token, ca, attemptMs, signal }: ScanOptions): Promise<MachineOutcome> {
    const { cancel, timeoutMs } = this.#request;
    const own = new AbortController();
    if (cancel !== undefined) cancel.onCancel = () => own.abort();
    if (cancel?.cancelled === true) own.abort();
    const outcome = await askMachine(
      { name: null, origin: this.#server },
      Buffer.from(JSON.stringify(encodeRequest(searchOf(this.#request)))),
      {
        token,
        ca,
        connectTimeoutMs: attemptMs,
        // The broker ends it by itself, with what it has found.
        machineTimeoutMs: timeoutMs + attemptMs,
        signal: signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]),
      },
      {
        head: () => null,
        begin: ({ begun }) => {
          this.#begun = begun ?? null;
          if (begun !== undefined) this.#sink.begin?.(begun);
        },
        bytes: (piece) => {
          this.#held.push(Buffer.from(piece));
          return undefined;
        },
        lines: () => undefined,
        note: () => undefined,
        reached: (reached) => this.#give(reached),
        end: ({ topic }) => {
          if (topic !== undefined) this.result = resultOf(topic);
          return undefined;
        },
      },
    );
    if (cancel !== undefined) cancel.onCancel = null;
    if (this.result === null && cancel?.cancelled === true) this.result = this.#cancelled();
    return outcome;
  }

  #give(reached: Reached): Promise<void> {
    const chunk = { bytes: Buffer.concat(this.#held), lines: reached.lines - (this.#reached?.lines ?? 0), offsetTo: reached.offsetTo };
    this.#held = [];
    this.#reached = reached;
    this.hasGiven = true;
    return new Promise((resolve) => this.#sink.take(chunk, resolve));
  }

  /** What is known of a search that the caller ended: the broker hears of it by the end of the connection, and says no more. */
  #cancelled(): ScanResult {
    const { topic } = this.#request;
    if (this.#begun === null) throw new LogError('notCurrent', `Cannot search ${shownTopic(topic)}: it was cancelled before it began`);
    const { offsetFrom, offsetTo } = this.#begun;
    const from = this.#reached?.offsetTo ?? offsetFrom;
    const gaps = from < offsetTo ? [{ offsetFrom: from, offsetTo, reason: 'stopped', detail: 'it was cancelled' } as const] : [];
    // With context more was given than was selected.
    return resultOf({ ...this.#begun, topic, gaps, selected: this.#reached?.lines ?? 0, stats: null });
  }
}

const noStats = { engine: '', asked: 0, bytesRead: 0, bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 };

const resultOf = (part: TopicPart): ScanResult => ({ ...part, stats: part.stats ?? noStats });

function searchOf({ topic, partition, query, sinceMs, untilMs, ...rest }: ScanRequest): Parameters<typeof encodeRequest>[0] {
  const { match, where, output, engine, index, form, name } = query;
  const { offsetFrom, offsetTo, freshness, sessionOffset, timeoutMs } = rest;
  return {
    source: {
      kind: 'topic',
      topic,
      partition: partition ?? null,
      partitions: null,
      where,
      offsetFrom,
      offsetTo,
      freshness,
      sessionOffset,
      timeoutMs,
      label: name,
    },
    match,
    output,
    sinceMs,
    untilMs,
    engine,
    index,
    order: 'place',
    follow: false,
    timeFormat: null,
    form,
  };
}
