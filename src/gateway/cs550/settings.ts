/** Bounds of the old wire, one broker's. Nothing changes them but tests. `docs/reference/limits.md` is checked against them. */
export interface WireSettings {
  /** A request that is longer is answered `Invalid JSON format.` */
  readonly requestBytesMax: number;
  /** So is one that is not whole by then. */
  readonly requestTimeoutMs: number;
  /** Beyond it the oldest connection that has not sent a whole request makes room; where all have, the new one is refused. */
  readonly connectionsMax: number;
  /** Of requests and of answers that have not left, all connections together. */
  readonly heldBytesMax: number;
  /** Messages are read in parts of about this size, so an answer of any length needs no more memory. */
  readonly answerPartBytes: number;
  /** A peer that takes nothing of its answer for so long is cut off, and so is one that does not close when it has all of it. */
  readonly answerIdleMs: number;
  /** Longest time for one answer. */
  readonly answerTimeoutMs: number;
  /** A request that meets an election waits so long for its end. */
  readonly electionWaitMs: number;
  /** `stop_node` with `true`: so long the node is gone. */
  readonly stoppedMs: number;
}

const KiB = 1024;

export const defaultWireSettings: WireSettings = {
  requestBytesMax: KiB * KiB,
  requestTimeoutMs: 10_000,
  connectionsMax: 1000,
  heldBytesMax: 64 * KiB * KiB,
  answerPartBytes: 256 * KiB,
  answerIdleMs: 10_000,
  answerTimeoutMs: 60_000,
  electionWaitMs: 5000,
  stoppedMs: 10_000,
};
