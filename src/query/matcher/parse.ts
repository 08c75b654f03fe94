/**
 * Basic and extended regular expressions of GNU grep (its manual, chapter 3; POSIX.1 chapter 9), as far as there is no doubt what they mean. Whatever a
 * person would have to look up (a star where nothing can be repeated, a stray backslash, an interval that is none) is left to GNU grep itself, and so are
 * back-references, which no linear engine can do.
 */
import { type ClassName, emptySyntax, type Needs, type Syntax, type Range } from './syntax.ts';

export type Parsed =
  | { readonly ok: true; readonly syntax: Syntax; readonly needs: Needs }
  /** `reason`: what in it is left to GNU grep. */
  | { readonly ok: false; readonly reason: string };

/** @param codes the code points of the pattern */
export function parsePattern(codes: readonly number[], isExtended: boolean): Parsed {
  try {
    const parser = new Parser(codes, isExtended);
    const syntax = parser.parse();
    return { ok: true, syntax, needs: { letters: parser.needsLetters, characters: parser.needsCharacters } };
  } catch (error) {
    if (error instanceof Doubt) return { ok: false, reason: error.message };
    throw error;
  }
}

class Doubt extends Error {}

/** What the linear engine repeats at most; GNU grep goes up to 32,767. */
const repeatMax = 1000;
/** Deeper ones are nobody's search, and would need as deep a stack. */
const depthMax = 200;

const code = (text: string): number => text.charCodeAt(0);
const backslash = code('\\');
const star = code('*');
const plus = code('+');
const question = code('?');
const openParen = code('(');
const closeParen = code(')');
const openBrace = code('{');
const closeBrace = code('}');
const openBracket = code('[');
const closeBracket = code(']');
const bar = code('|');
const caret = code('^');
const dollar = code('$');
const dot = code('.');
const comma = code(',');
const dash = code('-');
const colon = code(':');
const equals = code('=');

const classNames: ReadonlySet<string> = new Set<ClassName>([
  'alnum',
  'alpha',
  'blank',
  'cntrl',
  'digit',
  'graph',
  'lower',
  'print',
  'punct',
  'space',
  'upper',
  'xdigit',
]);

class Parser {
  readonly #codes: readonly number[];
  readonly #isExtended: boolean;
  #at = 0;
  #depth = 0;
  needsLetters = false;
  needsCharacters = false;

  constructor(codes: readonly number[], isExtended: boolean) {
    this.#codes = codes;
    this.#isExtended = isExtended;
  }

  parse(): Syntax {
    const syntax = this.#choice();
    if (this.#at < this.#codes.length) throw new Doubt('a closing parenthesis that nothing opens');
    return syntax;
  }

  #choice(): Syntax {
    const branches = [this.#sequence()];
    while (this.#takeOperator(bar)) branches.push(this.#sequence());
    return branches.length === 1 ? (branches[0] as Syntax) : { kind: 'choice', branches };
  }

  #sequence(): Syntax {
    const parts: Syntax[] = [];
    while (this.#at < this.#codes.length && !this.#isOperator(bar) && !this.#isOperator(closeParen)) {
      const isFirst = parts.length === 0;
      const syntax = this.#repeated(this.#atom(isFirst), isFirst);
      const last = parts.at(-1);
      // Neighbouring characters are one text, so that what must be in a line is found as long as it is.
      if (syntax.kind === 'text' && last?.kind === 'text')
        parts[parts.length - 1] = { kind: 'text', codes: [...last.codes, ...syntax.codes] };
      else parts.push(syntax);
    }
    return parts.length === 1 ? (parts[0] as Syntax) : parts.length === 0 ? emptySyntax : { kind: 'sequence', parts };
  }

  #repeated(atom: Syntax, isFirst: boolean): Syntax {
    let syntax = atom;
    for (;;) {
      const bounds = this.#takeRepeat();
      if (bounds === null) return syntax;
      if (atom.kind === 'edge') throw new Doubt('a repeated anchor');
      if (isFirst && atom.kind === 'sequence' && atom.parts.length === 0) throw new Doubt('a repetition of nothing');
      syntax = { kind: 'repeat', of: syntax, min: bounds.min, max: bounds.max };
    }
  }

  #takeRepeat(): { readonly min: number; readonly max: number | null } | null {
    if (this.#codes[this.#at] === star) {
      this.#at++;
      return { min: 0, max: null };
    }
    if (this.#takeOperator(plus)) return { min: 1, max: null };
    if (this.#takeOperator(question)) return { min: 0, max: 1 };
    return this.#takeOperator(openBrace) ? this.#interval() : null;
  }

  #interval(): { readonly min: number; readonly max: number | null } {
    const min = this.#number();
    let max: number | null = min;
    if (this.#codes[this.#at] === comma) {
      this.#at++;
      max = this.#number();
    }
    if (!this.#takeOperator(closeBrace)) throw new Doubt('a brace that begins no interval');
    if (min === null && max === null) throw new Doubt('an interval without a number');
    if ((min ?? 0) > repeatMax || (max ?? 0) > repeatMax) throw new Doubt(`more than ${repeatMax} repetitions`);
    if (max !== null && max < (min ?? 0)) throw new Doubt('an interval that ends before it begins');
    return { min: min ?? 0, max };
  }

  #number(): number | null {
    let value: number | null = null;
    for (;;) {
      const digit = (this.#codes[this.#at] ?? 0) - 48;
      if (digit < 0 || digit > 9) return value;
      value = (value ?? 0) * 10 + digit;
      if (value > 100_000) throw new Doubt('a large interval');
      this.#at++;
    }
  }

  #atom(isFirst: boolean): Syntax {
    const isGroup = this.#takeOperator(openParen);
    if (isGroup) return this.#group();
    if (this.#isOperator(plus) || this.#isOperator(question) || this.#isOperator(openBrace)) throw new Doubt('a repetition of nothing');
    const next = this.#codes[this.#at++] as number;
    switch (next) {
      case dot:
        this.needsCharacters = true;
        return { kind: 'any' };
      case openBracket:
        return this.#set();
      case star:
        // What it means at the beginning differs between the two kinds.
        throw new Doubt('a star at the beginning');
      case caret:
        if (this.#isExtended || isFirst) return this.#anchor('start');
        return textOf(next);
      case dollar:
        if (this.#isExtended || this.#isAtEndOfSequence()) return this.#anchor('end');
        return textOf(next);
      case backslash:
        return this.#escape();
      default:
        return textOf(next);
    }
  }

  #anchor(side: 'start' | 'end'): Syntax {
    if (this.#codes[this.#at] === star) throw new Doubt('a repeated anchor');
    return { kind: 'edge', of: 'line', side };
  }

  #group(): Syntax {
    if (++this.#depth > depthMax) throw new Doubt('groups within groups, too deep');
    const syntax = this.#choice();
    if (!this.#takeOperator(closeParen)) throw new Doubt('a group that nothing closes');
    this.#depth--;
    // A sequence of its own, so that a repetition behind it repeats all of it.
    return syntax.kind === 'text' ? { kind: 'sequence', parts: [syntax] } : syntax;
  }

  #escape(): Syntax {
    const next = this.#codes[this.#at++];
    if (next === undefined) throw new Doubt('a backslash at the end');
    switch (String.fromCodePoint(next)) {
      case 'w':
        return this.#wordClass(false);
      case 'W':
        return this.#wordClass(true);
      case 's':
        return this.#spaceClass(false);
      case 'S':
        return this.#spaceClass(true);
      case 'b':
        this.needsLetters = true;
        return { kind: 'edge', of: 'word', side: 'either' };
    }
    // Operators without their backslash have been taken already, so what is left is a character that it makes plain.
    const isPunctuation = (next > 32 && next < 48) || (next > 57 && next < 65) || (next > 90 && next < 97) || (next > 122 && next < 127);
    const isSpecial = "<>`'".includes(String.fromCodePoint(next));
    if (!isPunctuation || isSpecial || (next === closeBrace && !this.#isExtended)) throw new Doubt(`\\${String.fromCodePoint(next)}`);
    return textOf(next);
  }

  #wordClass(negated: boolean): Syntax {
    this.needsLetters = true;
    return { kind: 'set', negated, ranges: [], classes: ['word'] };
  }

  #spaceClass(negated: boolean): Syntax {
    this.needsLetters = true;
    return { kind: 'set', negated, ranges: [], classes: ['space'] };
  }

  #set(): Syntax {
    const negated = this.#codes[this.#at] === caret;
    if (negated) {
      this.#at++;
      this.needsCharacters = true;
    }
    const ranges: Range[] = [];
    const classes: ClassName[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const next = this.#codes[this.#at++];
      if (next === undefined) throw new Doubt('a bracket that nothing closes');
      if (next === closeBracket && !isFirst) break;
      const after = this.#codes[this.#at];
      if (next === openBracket && (after === colon || after === equals || after === dot)) {
        classes.push(this.#className(after));
        continue;
      }
      const isRange = after === dash && this.#codes[this.#at + 1] !== undefined && this.#codes[this.#at + 1] !== closeBracket;
      if (!isRange) {
        ranges.push([next, next]);
        continue;
      }
      const to = this.#codes[this.#at + 1] as number;
      if (to === openBracket) throw new Doubt('a range up to a bracket');
      if (to < next) throw new Doubt('a range that ends before it begins');
      this.#at += 2;
      ranges.push([next, to]);
    }
    return { kind: 'set', negated, ranges, classes };
  }

  #className(kind: number): ClassName {
    if (kind !== colon) throw new Doubt('a collating element');
    let name = '';
    for (this.#at++; this.#codes[this.#at] !== colon; this.#at++) {
      if (this.#at >= this.#codes.length || name.length > 8) throw new Doubt('a class that nothing closes');
      name += String.fromCodePoint(this.#codes[this.#at] as number);
    }
    if (this.#codes[this.#at + 1] !== closeBracket || !isClassName(name)) throw new Doubt(`the class "${name}"`);
    this.#at += 2;
    this.needsLetters = true;
    return name;
  }

  /** A dollar is an anchor at the end of a branch only, where it is not an extended expression. */
  #isAtEndOfSequence(): boolean {
    return this.#at >= this.#codes.length || this.#isOperator(bar) || this.#isOperator(closeParen);
  }

  /** Operators stand alone in extended expressions and behind a backslash in basic ones. */
  #isOperator(operator: number): boolean {
    if (this.#isExtended) return this.#codes[this.#at] === operator;
    return this.#codes[this.#at] === backslash && this.#codes[this.#at + 1] === operator;
  }

  #takeOperator(operator: number): boolean {
    if (!this.#isOperator(operator)) return false;
    this.#at += this.#isExtended ? 1 : 2;
    return true;
  }
}

const textOf = (character: number): Syntax => ({ kind: 'text', codes: [character] });

const isClassName = (name: string): name is ClassName => classNames.has(name);
