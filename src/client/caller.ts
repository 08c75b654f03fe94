import { type Judgement, judge, LogError } from '../eventlog/index.ts';
import { throwIfError } from './answers.ts';
import type { Servers } from './servers.ts';
import { formatSeconds } from './failure.ts';
import { type Sender, type TransportAnswer, TransportError, type TransportRequest } from './transport.ts';

export interface Call {
  /** Begins every message of ours: `Cannot append to topic "x"`. */
  readonly action: string;
  /** How to ask, with the time that this attempt may take at the broker, and the time since the first one began: null where this is it. */
  readonly request: (attemptMs: number, sinceFirstMs: number | null) => Omit<TransportRequest, 'timeoutMs' | 'signal'>;
  readonly timeoutMs: number;
  /** The longest that one broker is given before another is asked: a broker that hangs must not use up the whole time. */
  readonly attemptMsMax: number;
  /** Whether the broker changes something: only then can an outcome be unknown. */
  readonly changes: boolean;
  /** Whether asking again after an unknown outcome is harmless. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal;
}

export interface CallOutcome {
  readonly answer: TransportAnswer;
  readonly server: string;
  /** An earlier attempt may have taken effect, so that a refusal such as `topicExists` may be our own doing. */
  readonly uncertain: boolean;
}

const pauseMsFirst = 25;
const pauseMsMax = 500;
/** What the way there and back may take beyond the time that the broker was given. */
const travelMs = 500;

/** Asks one broker after another until one answers, the time is spent, or the answer is final. */
export class Caller {
  readonly #sender: Sender;
  readonly #servers: Servers;
  /** Until a broker has answered, "connection refused" by all of them is final: most likely none runs. */
  #heard = false;
  #isClosed = false;

  constructor(sender: Sender, servers: Servers) {
    this.#sender = sender;
    this.#servers = servers;
  }

  /** Whether any broker has ever answered, be it with a refusal. */
  get heard(): boolean {
    return this.#heard;
  }

  /** What is under way fails with `interrupted`, what is asked for later with `clientClosed`. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves with an answer of 2xx; rejects with a LogError. */
  async call(call: Call): Promise<CallOutcome> {
    const firstMs = performance.now();
    const until = firstMs + call.timeoutMs;
    let uncertain = false;
    let refusals = 0;
    let answered: LogError | null = null;
    const fencedAt = new Set<string>();
    for (let attempt = 0; ; attempt++) {
      if (this.#isClosed) throw closed(call.action, attempt > 0);
      const server = this.#servers.current;
      const attemptMs = Math.max(1, Math.min(call.attemptMsMax, Math.ceil(until - performance.now())));
      let failure: LogError;
      try {
        const answer = await this.#sender.send(server, {
          ...call.request(attemptMs, attempt === 0 ? null : performance.now() - firstMs),
          timeoutMs: attemptMs + travelMs,
          ...(call.signal === undefined ? {} : { signal: call.signal }),
        });
        this.#heard = true;
        throwIfError(answer, server, call);
        return { answer, server, uncertain };
      } catch (error) {
        failure = toLogError(error, call, server);
        if (error instanceof LogError) answered = failure;
      }

      if (call.signal?.aborted === true) throw new LogError('interrupted', `${call.action}: interrupted`);
      if (this.#isClosed) throw closed(call.action, true);
      // What changes nothing leaves nothing uncertain.
      const judged = judge(failure, { isUncertain: uncertain, isRepeatable: call.repeatable || !call.changes });
      uncertain = call.changes && judged.isUncertain;
      if (judged.again === 'no') throw uncertain ? asUncertain(failure, judged, call) : failure;
      if (failure.code === 'unreachable') refusals++;
      if (!this.#heard && refusals >= this.#servers.all.length) throw uncertain ? asUncertain(failure, judged, call) : failure;
      // That does not change while they run.
      const isFencedEverywhere = failure.code === 'fenced' && fencedAt.add(server).size >= this.#servers.all.length;
      if (isFencedEverywhere) throw uncertain ? asUncertain(failure, judged, call) : failure;
      if (judged.again === 'elsewhere') this.#servers.leave(server);

      const pauseMs = pauseBefore(attempt, this.#servers.all.length);
      if (performance.now() + pauseMs >= until) {
        if (uncertain) throw asUncertain(failure, judged, call);
        // What a broker said of the cluster tells more than that the last one had not the time to say it.
        throw !call.changes && isSilence(failure) ? (answered ?? failure) : failure;
      }
      await pause(pauseMs, call.signal);
    }
  }
}

/** Of a call that had begun nobody knows what became of it. */
export const closed = (action: string, hasBegun: boolean): LogError =>
  hasBegun
    ? new LogError('interrupted', `${action}: the client was closed meanwhile`)
    : new LogError('clientClosed', `${action}: the client is closed`);

function toLogError(error: unknown, call: Call, server: string): LogError {
  if (error instanceof LogError) return error;
  if (!(error instanceof TransportError)) throw error;
  const message = `${call.action}: ${server}: ${error.reason}`;
  const lost = error.connected && call.changes;
  return new LogError(lost ? 'connectionLost' : 'unreachable', message, {}, { cause: error });
}

const isSilence = ({ cause }: LogError): boolean => cause instanceof TransportError && cause.connected;

/** A definite refusal of the last attempt says nothing about an earlier one whose answer never came, unless the broker says that it speaks of all. */
function asUncertain(failure: LogError, { proves }: Judgement, call: Call): LogError {
  if (!failure.definite || proves !== 'unknown') return failure;
  const message = `${call.action}: the outcome is not known after ${formatSeconds(call.timeoutMs)}: an answer was lost, then: ${failure.message}`;
  return new LogError('timeout', message, failure.details, { cause: failure });
}

/** Every broker is asked once without delay; then the pauses double, with a random part so that clients do not return all at once. */
function pauseBefore(attempt: number, serverCount: number): number {
  const round = Math.floor((attempt + 1) / serverCount);
  if ((attempt + 1) % serverCount !== 0) return 0;
  return Math.min(pauseMsMax, pauseMsFirst * 2 ** (round - 1)) * (0.5 + Math.random() / 2);
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted === true) done();
    else signal?.addEventListener('abort', done, { once: true });
  });
}
