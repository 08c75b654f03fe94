/** A pattern of grep, understood: what `parse.ts` makes of its bytes and `translate.ts` and `literals.ts` use. */
export type Syntax =
  | { readonly kind: 'text'; readonly codes: readonly number[] }
  | { readonly kind: 'any' }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly Range[]; readonly classes: readonly ClassName[] }
  | { readonly kind: 'edge'; readonly of: 'line'; readonly side: 'start' | 'end' }
  | { readonly kind: 'edge'; readonly of: 'word'; readonly side: 'either' }
  | { readonly kind: 'sequence'; readonly parts: readonly Syntax[] }
  | { readonly kind: 'choice'; readonly branches: readonly Syntax[] }
  | { readonly kind: 'repeat'; readonly of: Syntax; readonly min: number; readonly max: number | null };

/** Code points, both ends included. */
export type Range = readonly [from: number, to: number];

/** `word` is `\w`: letters, digits and the underscore. */
export type ClassName =
  | 'alnum'
  | 'alpha'
  | 'blank'
  | 'cntrl'
  | 'digit'
  | 'graph'
  | 'lower'
  | 'print'
  | 'punct'
  | 'space'
  | 'upper'
  | 'xdigit'
  | 'word';

/** What of a pattern depends on more than the ASCII characters of a line. */
export interface Needs {
  /** It asks which characters are letters: of others than ASCII only the locale of GNU grep knows. */
  readonly letters: boolean;
  /** It has something that any character matches, and bytes that are no character do not. */
  readonly characters: boolean;
}

export const emptySyntax: Syntax = { kind: 'sequence', parts: [] };
