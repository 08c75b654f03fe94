/**
 * Regular expressions that are matched in time linear in the text, whatever the pattern (trust: no pattern of a caller holds up a broker). `search/`
 * implements this over a library; the simulator has none and searches for texts.
 */
export interface RegexCompiler {
  /** `pattern` in the syntax of RE2, leftmost-longest. Null where the engine does not take it: too large, or not known to it. */
  compile(pattern: string, options: { readonly ignoreCase: boolean }): Regex | null;
}

/** Texts are UTF-8 in [from, to) of `bytes`; a byte that is part of no character counts as U+FFFD. */
export interface Regex {
  test(bytes: Uint8Array, from: number, to: number): boolean;
  /** The first match that begins at or behind `start`, as positions in `bytes`; the text before `start` is still in front of it. */
  find(bytes: Uint8Array, from: number, to: number, start: number): Span | null;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}
