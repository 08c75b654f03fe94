/** One machine is asked: a request over a connection of its own, whose end ends the work over there. */
import type http from 'node:http';
import { describeFailure, formatSeconds } from '../../client/failure.ts';
import type { AnswerEnd, AnswerHead, PartEnd, PartHead, Reached } from '../answer.ts';
import { type AnswerFrame, FrameReader } from '../frames.ts';
import type { TimedLine } from '../timed-lines.ts';
import { type Credentials, openRequest, readRefusal } from './http.ts';
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
  /** Where a promise is given nothing more is read until it is kept. */
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
    const timers = new Set<NodeJS.Timeout>();
    const finish = (result: MachineOutcome): void => {
      if (outcome !== null) return;
      outcome = result;
      for (const timer of timers) clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      outgoing.destroy();
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
    const connecting = after(connectTimeoutMs, `no connection within ${formatSeconds(connectTimeoutMs)}`);
    if (machineTimeoutMs !== null) after(machineTimeoutMs, `not done within ${formatSeconds(machineTimeoutMs)}`);
    const outgoing = openRequest(machine.origin, { method: 'POST', path: '/v1/grep/local', body }, options);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const isSecure = machine.origin.startsWith('https:');
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
    outgoing.on('socket', (socket) =>
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        clearTimeout(connecting);
        watchSilence();
      }),
    );
    outgoing.on('error', (error) => fail(describeFailure(error)));
    outgoing.on('response', (incoming) => {
      hear();
      if (incoming.statusCode !== 200) {
        readRefusal(incoming, ({ code, reason }) => finish({ kind: 'refused', code, reason }));
        return;
      }
      readAnswer(incoming, handlers, waiting, { hear, finish, fail });
    });
    outgoing.end(body);
  });
}

interface Endings {
  readonly hear: () => void;
  readonly finish: (outcome: MachineOutcome) => void;
  readonly fail: (reason: string) => void;
}

function readAnswer(
  incoming: http.IncomingMessage,
  handlers: MachineHandlers,
  waiting: { count: number },
  { hear, finish, fail }: Endings,
): void {
  let isDone = false;
  const holdUntil = (wait: Promise<void> | undefined): void => {
    if (wait === undefined) return;
    waiting.count++;
    incoming.pause();
    void wait.then(() => {
      waiting.count--;
      // Its silence was ours.
      hear();
      if (waiting.count === 0) incoming.resume();
    });
  };
  const handle = (frame: AnswerFrame): void => {
    if (frame.kind === 'head') {
      const refusal = handlers.head(frame.value);
      if (refusal !== null) fail(refusal);
    } else if (frame.kind === 'part') handlers.begin(frame.value);
    else if (frame.kind === 'partEnd') holdUntil(handlers.end(frame.value));
    else if (frame.kind === 'reached') holdUntil(handlers.reached(frame.value));
    else if (frame.kind === 'note') handlers.note(frame.value.text);
    else if (frame.kind === 'end') finish({ kind: 'ended', end: frame.value });
  };
  const reader = new FrameReader({
    frame: (frame) => {
      if (isDone) return;
      if (frame.kind === 'end') isDone = true;
      handle(frame);
    },
    bytes: (piece) => holdUntil(isDone ? undefined : handlers.bytes(piece)),
    lines: (lines) => holdUntil(isDone ? undefined : handlers.lines(lines)),
  });
  incoming.on('data', (chunk: Buffer) => {
    hear();
    const problem = reader.take(chunk);
    if (problem !== null) fail(problem);
  });
  incoming.on('error', (error) => fail(describeFailure(error)));
  incoming.on('close', () => fail('the connection broke in the middle of its answer'));
}
