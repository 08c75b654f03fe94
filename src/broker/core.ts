import type { BrokerId, GroupId } from '../base/branded.ts';
import type { ErrorCode } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import type { Host } from '../host/index.ts';
import type { BrokerObserver } from './contract.ts';
import type { CausalRing } from './causal-ring.ts';
import type { Counters } from './counters.ts';
import type { Links } from './peers/index.ts';
import type { LogSpans } from './log-spans.ts';
import type { Replica } from './replica/index.ts';
import type { BrokerSettings } from './settings.ts';
import type { Spans } from './spans.ts';

/** What the services of a broker share. */
export interface Core {
  readonly host: Host;
  readonly self: BrokerId;
  readonly settings: BrokerSettings;
  readonly counters: Counters;
  readonly causes: CausalRing;
  /** Of traced requests. */
  readonly spans: Spans;
  readonly logSpans: LogSpans;
  readonly links: Links;
  readonly observer: BrokerObserver | null;
  nowMs(): number;
  /** Something happened: have a turn. */
  wake(): void;
  replica(group: GroupId): Replica | undefined;
  /** Who has a replica of it, this broker perhaps among them; all brokers where that is not known. */
  membersOf(group: GroupId): readonly BrokerId[];
  /** Runs at the end of the turn: how answers reach callers, never during their call. */
  later(run: () => void): void;
}

export function failure(
  code: ErrorCode,
  message: string,
  details: LogError['details'] = {},
): { readonly ok: false; readonly error: LogError } {
  return { ok: false, error: new LogError(code, message, details) };
}
