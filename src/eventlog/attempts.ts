/**
 * What the answers to all attempts at one append prove together (design, promise 4). One decision for whoever tries again: the client library, what stores
 * lines, and the simulated clients, whose conclusions the simulator takes at their word (L16).
 */
import { LogError } from './log-error.ts';

/** As a gateway tells it to a caller with a request id, who must not take what is said of the last attempt for what became of the first. */
export function withRequestOutcome(error: LogError): LogError {
  const { code, message, details, requestOutcome } = error;
  return new LogError(code, message, { ...details, requestOutcome }, { cause: error.cause });
}

/**
 * Whether an append has failed for good, so that it is not in the log and never will be, or is hidden. `isUncertain`: an earlier attempt ended without an
 * answer or with one that was not definite, and what is said of the last one says nothing about it, unless the broker says that it speaks of all.
 */
export const failsForGood = (failure: LogError, isUncertain: boolean): boolean => failure.definite && (!isUncertain || isSettled(failure));

/** By what the broker says, not by what this program knows of the code: it is the broker that has looked. */
const isSettled = ({ details: { requestOutcome } }: LogError): boolean => requestOutcome === 'notAppended' || requestOutcome === 'revoked';

/** Refused because the batch before it in its stream has not been appended yet: it comes again once that has. */
export const isAhead = (failure: unknown): boolean =>
  failure instanceof LogError && (aheadCodes.has(failure.code) || (failure.code === 'timeout' && isAhead(failure.cause)));

const aheadCodes: ReadonlySet<string> = new Set(['sequenceGap', 'unknownProducer']);

/** The log no longer remembers the batch itself, but that its stream has come beyond `sequenceTo`: it is there. */
export function isPassed({ code, details: { expectedSequence } }: LogError, sequenceTo: number): boolean {
  return code === 'duplicateSequence' && typeof expectedSequence === 'number' && expectedSequence >= sequenceTo;
}
