/** `RegexCompiler` over re2js: DFA and NFA, never backtracking beyond a bound (stack.md). */
import { RE2JS } from 're2js';
import type { Regex, RegexCompiler, Span } from '../../host/index.ts';

export const re2: RegexCompiler = {
  compile(pattern, { ignoreCase }) {
    try {
      const flags = RE2JS.LONGEST_MATCH | (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
      return new Re2(RE2JS.compile(pattern, flags));
    } catch {
      // Whatever it says of it, GNU grep is asked next.
      return null;
    }
  },
};

class Re2 implements Regex {
  readonly #compiled: RE2JS;

  constructor(compiled: RE2JS) {
    this.#compiled = compiled;
  }

  test(bytes: Uint8Array, from: number, to: number): boolean {
    return this.#compiled.test(bytes.subarray(from, to));
  }

  find(bytes: Uint8Array, from: number, to: number, start: number): Span | null {
    const matcher = this.#compiled.matcher(bytes.subarray(from, to));
    return matcher.find(start - from) ? { from: from + matcher.start(), to: from + matcher.end() } : null;
  }
}
