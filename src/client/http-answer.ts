/** An answer that has come whole. Apart from what reads it, since the types of the library name it, and no type of Node's. */
export interface HttpAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}
