/** Bounds of the HTTP gateway; the configuration may change each (`http:`). `docs/reference/limits.md` is checked against the defaults. */
export interface HttpSettings {
  /** Largest request body. */
  readonly bodyBytesMax: number;
  /** Of all bodies that are on their way, beside up to 64 KiB of each. */
  readonly bodiesBytesMax: number;
  /** Of records that answers to reads hold in memory, all together. */
  readonly readBytesMax: number;
  /** Requests on one connection that came while others before them were not answered: one more, and it is cut off. */
  readonly requestsPerConnectionMax: number;
  /** A request whose header is not complete by then is closed. */
  readonly headersTimeoutMs: number;
  /** A request that has not arrived whole by then is closed. */
  readonly requestTimeoutMs: number;
  /** How often the two above are looked at: Node's own 30 s would make 30 s of them (a slow client holds a socket that long). */
  readonly connectionsCheckingIntervalMs: number;
  /** A connection without a request is closed after this time. */
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
  /** From one address: a bound for all together would let one client shut out the others. */
  readonly connectionsPerAddressMax: number;
  /** Answers of `follow` that may be open at once. */
  readonly followersMax: number;
  /** A client that takes nothing of its answers for so long is cut off. */
  readonly slowReaderTimeoutMs: number;
  /** An answer to a read that is still with its client after this, and a second for each 4 MiB, makes room where others wait to read. */
  readonly slowReaderPatienceMs: number;
  /** How often a `follow` without news shows that it lives. */
  readonly heartbeatMs: number;
  /** Searches that may be under way at once. */
  readonly searchesMax: number;
  /** A search whose answer nobody takes for so long is ended: people read page by page. */
  readonly searchReaderTimeoutMs: number;
  /** `PUT /` closes the connection and revokes when it could not commit in this time; the course's client gives up after 5 s. */
  readonly putTimeoutMs: number;
}

const MiB = 1024 * 1024;

export const defaultHttpSettings: HttpSettings = {
  bodyBytesMax: 8 * MiB,
  bodiesBytesMax: 64 * MiB,
  readBytesMax: 128 * MiB,
  requestsPerConnectionMax: 128,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
  connectionsCheckingIntervalMs: 1_000,
  keepAliveTimeoutMs: 30_000,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 2_000,
  followersMax: 1_000,
  slowReaderTimeoutMs: 30_000,
  slowReaderPatienceMs: 5_000,
  heartbeatMs: 10_000,
  searchesMax: 64,
  searchReaderTimeoutMs: 600_000,
  putTimeoutMs: 4_000,
};
