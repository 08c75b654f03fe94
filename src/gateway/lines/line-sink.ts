/** Who is at the other end of a connection that has said its name. */
export interface LineSource {
  /** Counts connections; two nodes may bear one name. */
  readonly id: number;
  /** As it came, byte for byte. */
  readonly name: Uint8Array;
  /** For people and JSON: bytes that are not UTF-8 are U+FFFD. */
  readonly nameText: string;
  /** Where it comes from, host:port. */
  readonly address: string;
  /** When its connection was accepted, seconds since 1970. */
  readonly acceptedS: number;
}

/** What a logger does with lines beside storing them. A broker has none. */
export interface LineSink {
  /** A connection was accepted; its name is not known yet. */
  accepted(atS: number): void;
  /** Bytes came in, whatever they are. */
  received(byteCount: number): void;
  connected(source: LineSource): void;
  /** Of the bytes that came in, so many are this source's. */
  receivedFrom(source: LineSource, byteCount: number): void;
  /** A line lies in `bytes` from `from` to `to`, during the call only. `seconds` is NaN when it is untimed, else its timestamp ends at `timeTo`. */
  event(source: LineSource, bytes: Uint8Array, from: number, to: number, seconds: number, timeTo: number): void;
  /** All that one read brought has been given. */
  flush(): void;
  disconnected(source: LineSource, atS: number): void;
}
