/** One machine is asked: a request over a connection of its own, whose end ends the work over there. */
import { describeFailure, formatSeconds } from '../../client/failure.ts';
import type { AnswerEnd, AnswerHead, PartEnd, PartHead, Reached } from '../answer.ts';
import { type AnswerFrame, FrameReader } from '../frames.ts';
import type { TimedLine } from '../timed-lines.ts';
import { type Credentials, openExchange, readRefusal } from './http.ts';
import type { Machine } from './machines.ts';

export interface AskOptions extends Credentials {
  readonly connectTimeoutMs: number;
  /** From the start to the end of one machine's answer; null without a bound. */
  readonly machineTimeoutMs: number | null;
  readonly signal: AbortSignal;
}

/** Hears one machine. */
export interface MachineHandlers {
  /** What it calls itself; gives why it is not to go on, or null. */
  readonly head: (head: AnswerHead) => string | null;
  readonly begin: (part: PartHead) => void;
  /** Where a promise is given nothing more is read until it is kept. The bytes are there until then: whoever keeps them longer copies them. */
  readonly bytes: (piece: Buffer) => Promise<void> | undefined;
  /** The same for lines of several parts. */
  readonly lines: (lines: readonly TimedLine[]) => Promise<void> | undefined;
  readonly end: (part: PartEnd) => Promise<void> | undefined;
  readonly reached: (reached: Reached) => Promise<void> | undefined;
  readonly note: (text: string) => void;
}

/** How it ended: its own words, or why there are none. */
export type MachineOutcome =
  | { readonly kind: 'ended'; readonly end: AnswerEnd }
  /** It answered with a refusal, an error of the catalogue. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** A machine that is asked says so often that it lives; after three times in vain nobody waits for it. */
export const aliveEveryMs = 2_000;
const silentMsMax = 3 * aliveEveryMs;

export function askMachine(machine: Machine, body: Uint8Array, options: AskOptions, handlers: MachineHandlers): Promise<MachineOutcome> {
  return new Promise((resolve) => {
    let outcome: MachineOutcome | null = null;
    let close = (_reason: string | null): void => undefined;
    const timers = new Set<NodeJS.Timeout>();
    const finish = (result: MachineOutcome): void => {
      if (outcome !== null) return;
      outcome = result;
      for (const timer of timers) clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      close(result.kind === 'failed' ? result.reason : null);
      resolve(result);
    };
    const fail = (reason: string): void => finish({ kind: 'failed', reason });
    const after = (ms: number, reason: string): NodeJS.Timeout => {
      const timer = setTimeout(() => fail(reason), ms);
      timers.add(timer);
      return timer;
    };
    const onAbort = (): void => fail('the search was ended before it was done');

    const { connectTimeoutMs, machineTimeoutMs, signal } = options;
    let isConnected = false;
    const connecting = setTimeout(() => {
      // A loop that was held up looks first at what has come meanwhile.
      setImmediate(() => {
        if (!isConnected) fail(`no connection within ${formatSeconds(connectTimeoutMs)}`);
      });
    }, connectTimeoutMs);
    timers.add(connecting);
    if (machineTimeoutMs !== null) after(machineTimeoutMs, `not done within ${formatSeconds(machineTimeoutMs)}`);
    let heardMs = performance.now();
    const hear = (): void => {
      heardMs = performance.now();
    };
    /** Whoever stops reading, or writes to somebody who does, hears nothing himself: what has come meanwhile is looked at first. */
    const watchSilence = (): void => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        setImmediate(() => {
          if (outcome !== null) return;
          if (performance.now() - heardMs < silentMsMax || waiting.count > 0) watchSilence();
          else fail(`it has said nothing for ${formatSeconds(silentMsMax)}`);
        });
      }, silentMsMax);
      timers.add(timer);
    };
    /** What must be kept before more is read. */
    const waiting = { count: 0 };
    const answer = answerReader(handlers, { finish, fail });
    let [status, refusal] = [0, ''];
    const takeRefusal = (piece: Buffer): undefined => {
      if (refusal.length < refusalBytesMax) refusal += piece.toString('utf8');
    };
    const exchange = openExchange(machine.origin, { method: 'POST', path: '/v1/grep/local', body }, options, {
      connected: () => {
        isConnected = true;
        clearTimeout(connecting);
        watchSilence();
      },
      status: (answered) => {
        hear();
        status = answered;
      },
      body: (piece) => {
        hear();
        if (status !== 200) return takeRefusal(piece);
        const wait = answer(piece);
        if (wait === undefined) return undefined;
        waiting.count++;
        return wait.then(() => {
          waiting.count--;
          // Its silence was ours.
          hear();
        });
      },
      end: () => {
        if (status === 200) fail(brokenAnswer);
        else finish({ kind: 'refused', ...readRefusal(refusal, status) });
      },
      failed: (error) => fail(status === 200 ? brokenAnswer : describeFailure(error)),
    });
    close = (reason) => exchange.destroy(reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

const refusalBytesMax = 64 * 1024;
const brokenAnswer = 'the connection broke in the middle of its answer';

interface Endings {
  readonly finish: (outcome: MachineOutcome) => void;
  readonly fail: (reason: string) => void;
}

/** Takes the answer piece by piece; where a promise is given the next piece comes when it is kept. */
function answerReader(handlers: MachineHandlers, { finish, fail }: Endings): (piece: Buffer) => Promise<void> | undefined {
  let isDone = false;
  const handle = (frame: AnswerFrame): Promise<void> | undefined => {
    switch (frame.kind) {
      case 'head': {
        const refusal = handlers.head(frame.value);
        if (refusal !== null) fail(refusal);
        return undefined;
      }
      case 'part':
        handlers.begin(frame.value);
        return undefined;
      case 'partEnd':
        return handlers.end(frame.value);
      case 'reached':
        return handlers.reached(frame.value);
      case 'note':
        handlers.note(frame.value.text);
        return undefined;
      case 'end':
        isDone = true;
        finish({ kind: 'ended', end: frame.value });
        return undefined;
      case 'alive':
        return undefined;
    }
  };
  const reader = new FrameReader({
    frame: (frame) => (isDone ? undefined : handle(frame)),
    bytes: (piece) => (isDone ? undefined : handlers.bytes(piece)),
    lines: (lines) => (isDone ? undefined : handlers.lines(lines)),
  });
  const look = (): void => {
    if (reader.problem !== null) fail(reader.problem);
  };
  return (piece) => {
    const wait = reader.take(piece);
    if (wait === undefined) {
      look();
      return undefined;
    }
    return wait.then(look);
  };
}
