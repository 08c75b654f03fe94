/** GNU grep, for patterns and lines that nothing here is sure of. `search/` runs it in a process; the simulator has none. */
import type { Match } from '../request.ts';

export interface GrepQuestion {
  readonly match: Match;
  /** Records as they are: with line feeds and NULs in them. */
  readonly lines: readonly Uint8Array[];
  /** Where in each line the parts are that match. */
  readonly wantsSpans: boolean;
}

export type GrepAnswer =
  /** For each line whether a pattern matches it (`-v` left aside), and the pairs of positions in it, where they were asked for. */
  | { readonly ok: true; readonly matched: readonly boolean[]; readonly spans: readonly (readonly number[])[] }
  /** Why nobody could be asked, as the end of a sentence; `isBadPattern` where it is the patterns that are not taken, whatever the lines are. */
  | { readonly ok: false; readonly reason: string; readonly isBadPattern: boolean };

export interface GrepAsker {
  ask(question: GrepQuestion, done: (answer: GrepAnswer) => void): void;
}
