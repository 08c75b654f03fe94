import { type ErrorCode, errorCatalogue, type RequestOutcome } from '../base/errors.ts';

/**
 * An operational failure at an edge. `message` is one sentence without a final period: what was not done, to what, and the state after a colon.
 * Whether it is definite, retriable, and its HTTP status and exit code stand in the catalogue, never at the place that throws.
 */
export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code: ErrorCode;
  /** Facts a program may want, e.g. `{ leader: 3 }`, `{ endOffset: 17 }`, `{ expectedSequence: 40 }`; they go into the JSON body. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, details: LogError['details'] = {}, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** This attempt has not taken effect and never will (promise 4). An earlier one under the same request id may have: see `requestOutcome`. */
  get definite(): boolean {
    return errorCatalogue[this.code].definite;
  }

  get retriable(): boolean {
    return errorCatalogue[this.code].retriable;
  }

  /** What the user can do, as a sentence; where it names commands, the library has calls of the same names. */
  get remedy(): string {
    return errorCatalogue[this.code].remedy;
  }

  /** Of an append under a request id: what is known of all attempts at it. */
  get requestOutcome(): RequestOutcome {
    return requestOutcomeOf(this.code, this.details);
  }
}

/** Of an append under a request id that was refused so. */
export function requestOutcomeOf(code: ErrorCode, details: LogError['details']): RequestOutcome {
  if (code === 'levelNotReached' && details['committed'] === true) return 'appended';
  // A part of it is in the topic, in other batches: neither is so of the whole.
  if (code === 'duplicateSequence' && typeof details['missing'] === 'number') return 'unknown';
  return errorCatalogue[code].requestOutcome;
}
