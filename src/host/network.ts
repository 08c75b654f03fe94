import type { BrokerId } from '../base/branded.ts';

/**
 * Links between brokers. A link moves bytes in one order; who is at the other end is proven by the first frames (`wire/`), not here.
 *
 * A broker dials every peer and sends only on the links that it dialled; what peers send arrives on links that they dialled. The simulator
 * loses, repeats and reorders whole `send` calls, so each call passes one or more whole frames.
 */
export interface Network {
  /** Dials a peer at its configured address. The result is reported to the handlers; a failed or broken link reports `closed` exactly once. */
  dial(peer: BrokerId, lane: Lane, handlers: LinkHandlers): Link;
  /**
   * Sets who receives incoming links, and who hears that somebody who says that it is this broker does not dial because of this machine's certificate;
   * called once, before the first turn.
   */
  accept(onLink: (link: Link) => LinkHandlers, onDistrusted?: (by: number, reason: string) => void): void;
}

/** Bulk (catch-up, search results) has its own connection, so that it never delays consensus. */
export type Lane = 'consensus' | 'bulk';

export interface Link {
  /** Queues bytes; they leave in order, joined with what else queued up in this turn. The chunks must not change afterwards. Ignored once closed. */
  send(chunks: readonly Uint8Array[]): void;
  /** Bytes queued here and not yet taken by the operating system: callers bound it. */
  readonly bytesQueued: number;
  /** Closes at once; queued bytes are dropped. `closed` is still reported. */
  close(reason: string): void;
}

export interface LinkHandlers {
  opened(): void;
  /** Any split of the stream; the bytes are the receiver's. */
  received(bytes: Uint8Array): void;
  /** `isDistrusted`: whoever answers has no certificate that this machine accepts. */
  closed(reason: string, isDistrusted?: boolean): void;
}
