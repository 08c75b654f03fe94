/**
 * One life of a broker, from a start to its end: what brokers tell one another apart by (docs/decisions/0009). Two lives are never equal, and of two
 * lives on one disk the later one has the higher incarnation, unless the disk was put back meanwhile.
 */
export interface Life {
  /** Of the data directory, drawn when it was made: 32 hex digits. `noDisk` for a broker that keeps everything in memory. */
  readonly disk: string;
  /** Raised by one at every start and durable before anybody hears of it. */
  readonly incarnation: number;
  /** Drawn at the start: 32 hex digits. Tells two starts apart that found the same identity on their disks. */
  readonly nonce: string;
}

/** A life as it is shown to a peer. */
export interface ShownLife extends Life {
  /** Nonces of earlier lives on this disk that this peer may remember as the last: whoever was put back does not know them all. */
  readonly earlier: readonly string[];
}

/** Starts of a broker, or the time of one in ms since 1970 where nothing is kept: year 2109. */
export const incarnationMax = 2 ** 42;

/** Bytes of a disk's id and of a nonce. */
export const lifeIdBytes = 16;

export const noDisk = '0'.repeat(2 * lifeIdBytes);
