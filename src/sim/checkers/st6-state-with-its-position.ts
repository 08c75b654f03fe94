// ST6 state with its position
import { type AppendResult, isPassed, type Outcome } from '../../eventlog/index.ts';
import type { AppendOperation } from '../history.ts';
import { Findings } from './verdict.ts';

/** Batches of one request id whose offsets are remembered, each of at least one record. */
const windowBatches = 64;

/**
 * The state that comes from a checkpoint and the position from which the log is taken up belong together. So after a restart of everything a request id
 * that was acknowledged is known, with the offset that it was given: never a second append, never another place.
 */
export class StateWithItsPosition {
  readonly findings = new Findings('ST6');
  /**
   * Limits are so low that ids were forgotten: then a retry, which says how old it is, may be told so, but never appended. Where only the stream's first
   * batch was forgotten, before the log had its second, it is told that it is there.
   */
  readonly #mayForget: boolean;

  constructor(mayForget = false) {
    this.#mayForget = mayForget;
  }

  /** The answer to the same append, sent again after the restart. */
  repeated(append: AppendOperation, outcome: Outcome<AppendResult>): void {
    const { requestId, topic, result } = append;
    if (!outcome.ok) {
      const { error } = outcome;
      if (this.#mayForget && error.code === 'unknownProducer') return;
      const sequenceTo = append.sequence + (result?.count ?? 0);
      if (isPassed(error, this.#mayForget ? sequenceTo : sequenceTo + windowBatches)) return;
    }
    this.findings.checked++;
    const where = `request id ${requestId ?? ''} of "${topic}", acknowledged at ${result?.offset ?? 'none'}`;
    if (!outcome.ok) this.findings.violate(`${where}, was refused after a restart: ${outcome.error.code}: ${outcome.error.message}`);
    else if (!outcome.value.duplicate) this.findings.violate(`${where}, was appended again at ${outcome.value.offset} after a restart`);
    else if (outcome.value.offset !== result?.offset)
      this.findings.violate(`${where}, was said to be at ${outcome.value.offset} after a restart`);
  }
}
