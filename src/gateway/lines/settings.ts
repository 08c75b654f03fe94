/** Bounds of the line gateway; the configuration of a broker may change each (`lines:`). `docs/reference/limits.md` is checked against the defaults. */
export interface LineSettings {
  /** A longer line is cut there and marked. */
  readonly lineBytesMax: number;
  /** A connection that has not said its name by then is closed. */
  readonly nameTimeoutMs: number;
  /** Beyond it the oldest connection without a name makes room; where all have one, the new one is refused. */
  readonly connectionsMax: number;
  /** Of lines whose end has not come, all connections together: beyond it the longest is cut. */
  readonly unfinishedBytesMax: number;
  /** Lines of plain connections that wait for the topic. */
  readonly pendingBytesMax: number;
  /** Lines of one spooling agent that wait for the topic: beyond it the agent is not read. */
  readonly sessionBytesMax: number;
  /** Of all spooling agents together, each an equal part, of 16 KiB at least. */
  readonly sessionsBytesMax: number;
}

const KiB = 1024;

export const defaultLineSettings: LineSettings = {
  lineBytesMax: 64 * KiB,
  nameTimeoutMs: 10_000,
  connectionsMax: 10_000,
  unfinishedBytesMax: 64 * KiB * KiB,
  pendingBytesMax: 64 * KiB * KiB,
  sessionBytesMax: KiB * KiB,
  sessionsBytesMax: 64 * KiB * KiB,
};

/** The most that `lineBytesMax` may be: with its mark and the name as key, a line must fit a record. */
export const lineBytesLimit = 1024 * KiB - 4096;
