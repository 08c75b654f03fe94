// A log that keeps what it is given and says so late, not at all, or wrongly where it may: what a topic behind a cluster in trouble looks like.
import type { ErrorCode } from '../../../src/base/errors.ts';
import type { SeededRandom } from '../../../src/base/random.ts';
import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  LogError,
  type RecordService,
  withRequestOutcome,
} from '../../../src/eventlog/index.ts';
import type { Scheduler } from '../../../src/sim/scheduler.ts';

const cleanly: readonly ErrorCode[] = ['noLeader', 'overloaded', 'notAppendedInTime', 'diskFull'];
const unknown: readonly ErrorCode[] = ['timeout', 'connectionLost', 'crashed'];

export class FaultyLog implements Pick<RecordService, 'append' | 'nextSequence'> {
  readonly #log: RecordService;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;

  constructor(log: RecordService, scheduler: Scheduler, random: SeededRandom) {
    this.#log = log;
    this.#scheduler = scheduler;
    this.#random = random;
  }

  append(request: AppendRequest, answer: Answer<AppendResult>): void {
    const chance = this.#random.float();
    const fail = (codes: readonly ErrorCode[]): void => {
      const code = this.#random.pick(codes);
      this.#later(20, () => answer({ ok: false, error: withRequestOutcome(new LogError(code, 'Cannot append: so it was drawn')) }));
    };
    if (chance < 0.1) fail(cleanly);
    // For good, as far as this attempt goes.
    else if (chance < 0.12) fail(['unknownTopic']);
    else if (chance < 0.15) fail(unknown);
    else if (chance < 0.25) {
      // What is said to be unknown is appended all the same, before or after that is said.
      fail(unknown);
      this.#later(200, () => this.#log.append(request, () => undefined));
    } else this.#later(20, () => this.#log.append(request, answer));
  }

  nextSequence(request: Parameters<RecordService['nextSequence']>[0], answer: Answer<number>): void {
    if (this.#random.chance(0.1))
      this.#later(20, () => answer({ ok: false, error: new LogError('notCurrent', 'Cannot look: so it was drawn') }));
    else this.#later(20, () => this.#log.nextSequence(request, answer));
  }

  #later(msMax: number, run: () => void): void {
    this.#scheduler.schedule(this.#random.float() * msMax, 'client', 0, run);
  }
}
