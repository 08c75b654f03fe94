/**
 * What the answers to all attempts at one append prove together (design, promise 4), and whether there should be another. One decision for whoever tries
 * again: the client library, what stores lines, brokers among themselves, and the simulated clients, whose conclusions the simulator takes at their word (L16).
 */
import { type ErrorCode, errorCatalogue } from '../base/errors.ts';
import { LogError } from './log-error.ts';

/** As a gateway tells it to a caller with a request id, who must not take what is said of the last attempt for what became of the first. */
export function withRequestOutcome(error: LogError): LogError {
  const { code, message, details, requestOutcome } = error;
  return new LogError(code, message, { ...details, requestOutcome }, { cause: error.cause });
}

/** What was answered, as far as it matters here: a `LogError`, or what brokers say to one another. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly details: LogError['details'];
}

export interface Judgement {
  /**
   * Of all attempts together. `appended`: it is in the log, though perhaps not on as many disks as were asked for. `notAppended`: it is not in the log and
   * never will be, or is hidden.
   */
  readonly proves: 'appended' | 'notAppended' | 'unknown';
  /** Whether another attempt may go better and does no harm: at whom was asked, after a pause, or at somebody else. */
  readonly again: 'no' | 'here' | 'elsewhere';
  /** Some attempt may have taken effect: handed in when the next one has failed. */
  readonly isUncertain: boolean;
}

/**
 * What a failure means. `isUncertain`: an earlier attempt ended without an answer or with one that was not definite, and what is said of the last one says
 * nothing about it, unless the broker says that it speaks of all. `isRepeatable`: asking twice has the effect of asking once, as under a request id.
 */
export function judge(
  refusal: Refusal,
  { isUncertain, isRepeatable }: { readonly isUncertain: boolean; readonly isRepeatable: boolean },
): Judgement {
  const { definite, retriable } = errorCatalogue[refusal.code];
  // By what the broker says, not by what this program knows of the code: it is the broker that has looked.
  const outcome = refusal.details['requestOutcome'];
  const isUncertainNow = isUncertain || !definite;
  const mayRepeat = retriable && (isRepeatable || !isUncertainNow);
  const isSettled = outcome === 'notAppended' || outcome === 'revoked';
  return {
    proves: outcome === 'appended' ? 'appended' : definite && (!isUncertain || isSettled) ? 'notAppended' : 'unknown',
    again: !mayRepeat ? 'no' : refusal.code === 'overloaded' ? 'here' : 'elsewhere',
    isUncertain: isUncertainNow,
  };
}

/**
 * Whether brokers that pass an append on ask the next leader themselves, within the caller's time. All else goes back to him: it is the word of a leader
 * that stays one, about its limits, its disk, or his time.
 */
export const isTriedAmongBrokers = (code: ErrorCode): boolean => triedAmongBrokers.has(code);

const triedAmongBrokers: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'notLeader',
  'noLeader',
  'starting',
  'shuttingDown',
  'overloaded',
  'leadershipLost',
  'crashed',
  'timeout',
  'connectionLost',
  'internal',
]);

/** Refused because the batch before it in its stream has not been appended yet: it comes again once that has. */
export const isAhead = (failure: unknown): boolean =>
  failure instanceof LogError && (aheadCodes.has(failure.code) || (failure.code === 'timeout' && isAhead(failure.cause)));

const aheadCodes: ReadonlySet<string> = new Set(['sequenceGap', 'unknownProducer']);

/** The log no longer remembers the batch itself, but that its stream has come beyond `sequenceTo`: it is there. */
export function isPassed({ code, details: { expectedSequence } }: LogError, sequenceTo: number): boolean {
  return code === 'duplicateSequence' && typeof expectedSequence === 'number' && expectedSequence >= sequenceTo;
}
