import type { FaultRecord, RoundResult } from './round.ts';
import type { ScheduleOptions } from './schedule.ts';

export interface ChaosOptions extends ScheduleOptions {
  readonly seed: number;
  /** Appends in flight. */
  readonly workers: number;
  /** After this no further fault begins; what was not reached is said. Null: until all are done. */
  readonly seconds: number | null;
  /** A fresh cluster after so many: new logs are met by faults too, and what there is to compare stays bounded. */
  readonly faultsPerRound: number;
  readonly folder: string;
  readonly onFault: (record: FaultRecord, done: number, total: number) => void;
}

/** What all rounds together found. */
export interface Campaign {
  readonly startedMs: number;
  readonly rounds: readonly RoundResult[];
  readonly records: readonly FaultRecord[];
  readonly notReached: readonly { readonly fault: string; readonly reason: string }[];
  /** Why a round did not come to its end. */
  readonly failures: readonly string[];
}
