/**
 * Whether a record matches, by its bytes. Three ways, the first that will do: texts found as bytes; a linear engine (`host.RegexCompiler`) with what must
 * be in the record looked for first; and GNU grep, for whatever of a pattern or a record is in doubt. Which records are in doubt is decided one by one:
 * a class of letters is that of ASCII here, so of a record with other characters GNU grep is asked, and no other pays for it.
 *
 * Nothing here starts a process: `ask` is the answer, and whoever collects the records asks for many at once.
 */
import { bytesEqual } from '../../base/bytes.ts';
import { failed, ok, type Result } from '../../base/result.ts';
import type { Bytes, Regex, RegexCompiler } from '../../host/index.ts';
import type { Engine, Match } from '../request.ts';
import { literalsOf } from './literals.ts';
import { parsePattern } from './parse.ts';
import { emptySyntax, type Needs, type Syntax } from './syntax.ts';
import { translate } from './translate.ts';

export type Verdict = 'yes' | 'no' | 'ask';

/** Longer lists of texts, and longer patterns, are for GNU grep, which makes one automaton of them. */
const textsMax = 16;
const patternBytesMax = 16 * 1024;

export interface MatcherHost {
  readonly bytes: Bytes;
  /** Null where there is no engine: then only texts are found, and GNU grep is asked for the rest. */
  readonly regex: RegexCompiler | null;
}

/** What a search engine is called in `--stats`. */
export type UsedEngine = 'text' | 'linear' | 'grep';

export abstract class Matcher {
  readonly engine: UsedEngine;
  /**
   * Texts of which each record that matches has at least one, whatever the verdict is made by; null where that is not known. With `-v` this is of records
   * that are not selected.
   */
  readonly needed: readonly Uint8Array[] | null;
  /** Whether `needed` is to be compared without regard to the case of ASCII letters. */
  readonly neededIgnoresCase: boolean;
  /** Each record that has one of `needed` matches: nothing more of it need be looked at. */
  readonly isNeededEnough: boolean;

  constructor(engine: UsedEngine, needed: readonly Uint8Array[] | null, neededIgnoresCase: boolean, isNeededEnough = false) {
    this.engine = engine;
    this.needed = needed;
    this.neededIgnoresCase = neededIgnoresCase;
    this.isNeededEnough = isNeededEnough;
  }

  /** Of the record in [from, to) of `bytes`. */
  abstract judge(bytes: Uint8Array, from: number, to: number): Verdict;

  /** Adds where the parts that match begin and end, none of them empty, in pairs; false where GNU grep must be asked. */
  abstract spans(bytes: Uint8Array, from: number, to: number, into: number[]): boolean;
}

/** The matcher, or why the search cannot be made with the engine that was asked for. */
export function makeMatcher(match: Match, engine: Engine, host: MatcherHost): Result<Matcher, string> {
  if (engine === 'ripgrep') return failed('ripgrep searches files, not topics');
  const made = engine === 'grep' ? 'GNU grep was asked for' : makeOwn(match, host);
  if (typeof made !== 'string') return ok(made);
  if (engine === 'linear') return failed(`the linear engine does not take ${made}`);
  return ok(new AskingMatcher());
}

/** Whether only GNU grep can say what the patterns mean, and whether they mean anything. */
export function isForGrep(match: Match, engine: Engine, bytes: Bytes): boolean {
  return engine === 'grep' || typeof makeOwn(match, { bytes, regex: anyExpression }) === 'string';
}

/** Takes what can be told to it: an expression that an engine finds too large is one all the same. */
const anyExpression: RegexCompiler = { compile: () => ({ test: () => false, find: () => null }) };

/** Or what of the patterns is in doubt. */
function makeOwn(match: Match, host: MatcherHost): Matcher | string {
  const { patterns, dialect, ignoreCase, word } = match;
  if (patterns.length === 0) return new TextMatcher([], match, host.bytes);
  if (dialect === 'perl') return 'Perl’s regular expressions';
  let bytes = 0;
  for (const pattern of patterns) bytes += pattern.length;
  if (bytes > patternBytesMax) return `patterns of ${bytes} bytes`;

  const nodes: Syntax[] = [];
  let needs: Needs = { letters: ignoreCase || word, characters: false };
  for (const pattern of patterns) {
    const codes = codesOf(pattern, host.bytes);
    if (codes === null) return 'a pattern that is not UTF-8';
    if (ignoreCase && codes.some((code) => code >= 128)) return 'a pattern with other letters than those of ASCII, whatever their case';
    const parsed = dialect === 'fixed' ? parsedText(codes) : parsePattern(codes, dialect === 'extended');
    if (!parsed.ok) return parsed.reason;
    nodes.push(parsed.syntax);
    needs = { letters: needs.letters || parsed.needs.letters, characters: needs.characters || parsed.needs.characters };
  }
  const texts = ignoreCase || nodes.length > textsMax ? null : textsOf(nodes);
  if (texts !== null)
    return new TextMatcher(
      texts.map((text) => host.bytes.utf8Encode(text)),
      match,
      host.bytes,
    );
  return makeLinear(nodes, needs, match, host);
}

const parsedText = (codes: readonly number[]): { readonly ok: true; readonly syntax: Syntax; readonly needs: Needs } => ({
  ok: true,
  syntax: codes.length === 0 ? emptySyntax : { kind: 'text', codes },
  needs: { letters: false, characters: false },
});

/** The patterns, where all of them are plain texts. */
function textsOf(nodes: readonly Syntax[]): string[] | null {
  const texts: string[] = [];
  for (const syntax of nodes) {
    if (syntax.kind !== 'text') return null;
    texts.push(String.fromCodePoint(...syntax.codes));
  }
  return texts;
}

function codesOf(pattern: Uint8Array, bytes: Bytes): number[] | null {
  const text = bytes.utf8Decode(pattern);
  if (!bytesEqual(bytes.utf8Encode(text), pattern)) return null;
  return Array.from(text, (character) => character.codePointAt(0) as number);
}

// ------------------------------------------------------------------------------------------------------------------- texts

class TextMatcher extends Matcher {
  readonly #texts: readonly Uint8Array[];
  readonly #match: Match;
  readonly #bytes: Bytes;

  constructor(texts: readonly Uint8Array[], match: Match, bytes: Bytes) {
    super('text', texts, false, !match.word && !match.wholeLine);
    this.#texts = texts;
    this.#match = match;
    this.#bytes = bytes;
  }

  override judge(bytes: Uint8Array, from: number, to: number): Verdict {
    for (const text of this.#texts) {
      const verdict = this.#judgeText(text, bytes, from, to);
      if (verdict !== 'no') return verdict;
    }
    return 'no';
  }

  #judgeText(text: Uint8Array, bytes: Uint8Array, from: number, to: number): Verdict {
    if (this.#match.wholeLine) return to - from === text.length && this.#indexOf(bytes, text, from, to) === from ? 'yes' : 'no';
    for (let at = this.#indexOf(bytes, text, from, to); at >= 0; at = this.#indexOf(bytes, text, at + 1, to)) {
      const verdict = this.#match.word ? judgeWord(bytes, at, at + text.length, from, to) : 'yes';
      if (verdict !== 'no') return verdict;
    }
    return 'no';
  }

  override spans(bytes: Uint8Array, from: number, to: number, into: number[]): boolean {
    if (this.#match.wholeLine) {
      into.push(from, to);
      return true;
    }
    for (let start = from; ; ) {
      let spanFrom = to;
      let spanTo = to;
      for (const text of this.#texts) {
        for (let at = this.#indexOf(bytes, text, start, to); at >= 0 && at <= spanFrom; at = this.#indexOf(bytes, text, at + 1, to)) {
          const end = at + text.length;
          const verdict = this.#match.word ? judgeWord(bytes, at, end, from, to) : 'yes';
          if (verdict === 'ask') return false;
          if (verdict === 'no') continue;
          if (at < spanFrom || end > spanTo) spanTo = end;
          spanFrom = at;
          break;
        }
      }
      if (spanFrom === to) return true;
      into.push(spanFrom, spanTo);
      start = spanTo;
    }
  }

  /** Inside the record only. */
  #indexOf(bytes: Uint8Array, text: Uint8Array, from: number, to: number): number {
    if (to - from < text.length) return -1;
    const at = this.#bytes.indexOf(to === bytes.length ? bytes : bytes.subarray(0, to), text, from);
    return at >= 0 && at + text.length <= to ? at : -1;
  }
}

/** Whether no letter, digit or underscore touches it; of other characters than those of ASCII that is not known here. */
function judgeWord(bytes: Uint8Array, wordFrom: number, wordTo: number, from: number, to: number): Verdict {
  const before = wordFrom > from ? (bytes[wordFrom - 1] as number) : 0;
  const after = wordTo < to ? (bytes[wordTo] as number) : 0;
  if (before >= 128 || after >= 128) return 'ask';
  return isWordByte(before) || isWordByte(after) ? 'no' : 'yes';
}

const isWordByte = (byte: number): boolean =>
  (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || byte === 95 || (byte >= 97 && byte <= 122);

// ------------------------------------------------------------------------------------------------------------- expressions

function makeLinear(nodes: readonly Syntax[], needs: Needs, match: Match, { regex, bytes }: MatcherHost): Matcher | string {
  const { wholeLine, word, ignoreCase } = match;
  const syntax: Syntax = nodes.length === 1 ? (nodes[0] as Syntax) : { kind: 'choice', branches: nodes };
  const inner = `(?:${translate(syntax)})`;
  const isWord = word && !wholeLine;
  // An empty match between two characters counts as a word of its own for GNU grep, in ways that differ from version to version.
  if (isWord && literalsOf(syntax) === null) return 'a word that may be empty';
  const whole = wholeLine ? `\\A${inner}\\z` : isWord ? `(?:\\A|[^[:word:]])${inner}(?:[^[:word:]]|\\z)` : inner;
  const compiled = regex?.compile(whole, { ignoreCase }) ?? null;
  if (compiled === null) return 'this expression';
  const needed = literalsOf(syntax)?.map((text) => bytes.utf8Encode(text)) ?? null;
  return new LinearMatcher(compiled, needed, needs, isWord, ignoreCase);
}

class LinearMatcher extends Matcher {
  readonly #regex: Regex;
  readonly #needs: Needs;
  /** Positions are those of the word with what is around it. */
  readonly #isWord: boolean;

  constructor(regex: Regex, needed: readonly Uint8Array[] | null, needs: Needs, isWord: boolean, ignoreCase: boolean) {
    super('linear', needed, ignoreCase);
    this.#regex = regex;
    this.#needs = needs;
    this.#isWord = isWord;
  }

  override judge(bytes: Uint8Array, from: number, to: number): Verdict {
    if (this.#isInDoubt(bytes, from, to)) return 'ask';
    return this.#regex.test(bytes, from, to) ? 'yes' : 'no';
  }

  override spans(bytes: Uint8Array, from: number, to: number, into: number[]): boolean {
    if (this.#isWord || this.#isInDoubt(bytes, from, to)) return false;
    for (let start = from; start <= to; ) {
      const span = this.#regex.find(bytes, from, to, start);
      if (span === null) return true;
      if (span.to > span.from) into.push(span.from, span.to);
      start = span.to > span.from ? span.to : afterCharacter(bytes, span.to);
    }
    return true;
  }

  #isInDoubt(bytes: Uint8Array, from: number, to: number): boolean {
    const { letters, characters } = this.#needs;
    if (!letters && !characters) return false;
    let at = from;
    while (at < to && (bytes[at] as number) < 128) at++;
    if (at === to) return false;
    return letters || !isPlainUtf8(bytes, at, to);
  }
}

function afterCharacter(bytes: Uint8Array, at: number): number {
  let next = at + 1;
  while (next < bytes.length && ((bytes[next] as number) & 0xc0) === 0x80) next++;
  return next;
}

/** UTF-8 without U+FFFD, which stands for what is none. */
function isPlainUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const first = bytes[at++] as number;
    if (first < 0x80) continue;
    const more = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
    if (more === 0 || at + more > to) return false;
    const second = bytes[at] as number;
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let i = 1; i < more; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return false;
    if (first === 0xef && second === 0xbf && bytes[at + 1] === 0xbd) return false;
    at += more;
  }
  return true;
}

// -------------------------------------------------------------------------------------------------------------- GNU grep

class AskingMatcher extends Matcher {
  constructor() {
    super('grep', null, false);
  }

  override judge(): Verdict {
    return 'ask';
  }

  override spans(): boolean {
    return false;
  }
}
