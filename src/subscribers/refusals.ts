/** What is said to whoever asked for what a command did not do. */
import type { ErrorCode } from '../base/errors.ts';
import { type Answer, LogError, workersMax } from '../eventlog/index.ts';
import type { SubscriberOutcome } from './commands.ts';

export type Failed = { readonly ok: false; readonly error: LogError };

export function failure(code: ErrorCode, doing: string, reason: string, details: LogError['details'] = {}): Failed {
  return { ok: false, error: new LogError(code, `Cannot ${doing}: ${reason}`, details) };
}

const refusals: Readonly<Record<SubscriberOutcome, readonly [ErrorCode, string]>> = {
  done: ['internal', 'it is done'],
  created: ['internal', 'it is done'],
  existed: ['internal', 'it is there already'],
  unknownPublisher: ['unknownPublisher', 'there is no such publisher'],
  unknownSubscriber: ['unknownSubscriber', 'there is no such subscriber'],
  notSubscribed: ['notSubscribed', 'it is not subscribed to it'],
  tooManyPublishers: ['tooManySubscribers', 'there are as many publishers as the limit allows'],
  tooManySubscribers: ['tooManySubscribers', 'there are as many subscribers as the limit allows'],
  tooManySubscriptions: ['tooManySubscribers', 'it has as many subscriptions as the limit allows'],
  tooManyCursors: ['tooManySubscribers', 'there would be more cursors than the limit allows'],
  tooManyWorkers: ['tooManySubscribers', `${workersMax} workers share it already`],
  tooManyRetries: ['tooManyRetries', 'as many of its records are in retry as the limit allows: acknowledge, or wait until some are parked'],
  tooManyParked: ['tooManyRetries', 'as many records are parked as the limit allows: replay or drop some'],
  tooMuchMetadata: ['metadataTooLarge', 'the cursors that its group keeps have as much metadata as the limit allows'],
  unknownWorker: ['unknownWorker', 'it has no such worker, or that one was taken for dead since'],
  staleGeneration: ['staleGeneration', 'the cursor was moved since'],
  stale: ['overloaded', 'others changed it at the same moment'],
  invalid: ['internal', 'the command was not understood'],
};

export const refused = (doing: string, outcome: SubscriberOutcome): Failed => {
  const [code, reason] = refusals[outcome];
  return failure(code, doing, reason);
};

/** For what gives nothing but that it is done. */
export function told(doing: string, answer: Answer<undefined>): Answer<SubscriberOutcome> {
  return (outcome) => {
    if (!outcome.ok) answer(outcome);
    else if (outcome.value === 'done') answer({ ok: true, value: undefined });
    else answer(refused(doing, outcome.value));
  };
}
