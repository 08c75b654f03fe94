/**
 * What must stand in every line that a pattern matches: texts of which each such line has at least one. They are found many times faster than a pattern
 * is matched (stack.md: 9.4 GB/s), and they are what an index of a segment is asked for.
 */
import type { Syntax } from './syntax.ts';

/** Alternatives, none empty. */
export type Literals = readonly string[];

/** More alternatives cost more than they save. */
const alternativesMax = 16;
const codesMax = 128;

interface Facts {
  /** All texts that it matches, where those are few; else null. */
  readonly exact: readonly string[] | null;
  /** The best that is known to be in every match; null where nothing is. */
  readonly best: Literals | null;
}

const nothing: Facts = { exact: null, best: null };

/** Null where a line may match without any text that is known. */
export function literalsOf(syntax: Syntax): Literals | null {
  const { exact, best } = factsOf(syntax);
  return better(usable(exact), best);
}

function factsOf(syntax: Syntax): Facts {
  switch (syntax.kind) {
    case 'text':
      return syntax.codes.length <= codesMax
        ? { exact: [textOf(syntax.codes)], best: null }
        : { exact: null, best: [textOf(syntax.codes)] };
    case 'any':
      return nothing;
    case 'set':
      return { exact: fewCharacters(syntax), best: null };
    case 'edge':
      return { exact: [''], best: null };
    case 'sequence':
      return sequenceOf(syntax.parts);
    case 'choice':
      return choiceOf(syntax.branches.map(factsOf));
    case 'repeat': {
      if (syntax.min === 0) return nothing;
      const inner = factsOf(syntax.of);
      if (syntax.min === 1 && syntax.max === 1) return inner;
      return { exact: null, best: better(usable(inner.exact), inner.best) };
    }
  }
}

const textOf = (codes: readonly number[]): string => String.fromCodePoint(...codes.slice(0, codesMax));

function fewCharacters(syntax: Syntax & { readonly kind: 'set' }): readonly string[] | null {
  if (syntax.negated || syntax.classes.length > 0) return null;
  const found: string[] = [];
  for (const [from, to] of syntax.ranges) {
    if (to - from + found.length >= alternativesMax) return null;
    for (let at = from; at <= to; at++) found.push(String.fromCodePoint(at));
  }
  return found;
}

function sequenceOf(parts: readonly Syntax[]): Facts {
  let exact: readonly string[] | null = [''];
  let isWhole = true;
  let best: Literals | null = null;
  for (const part of parts) {
    const facts = factsOf(part);
    const joined: readonly string[] | null = exact === null || facts.exact === null ? null : product(exact, facts.exact);
    if (joined !== null) {
      exact = joined;
      continue;
    }
    isWhole = false;
    best = better(best, better(usable(exact), facts.best));
    exact = facts.exact;
  }
  return isWhole ? { exact, best: null } : { exact: null, best: better(best, usable(exact)) };
}

function product(left: readonly string[], right: readonly string[]): readonly string[] | null {
  if (left.length * right.length > alternativesMax) return null;
  const joined = left.flatMap((a) => right.map((b) => a + b));
  return joined.every((text) => text.length <= codesMax) ? joined : null;
}

function choiceOf(branches: readonly Facts[]): Facts {
  const exacts: string[] = [];
  for (const { exact } of branches) if (exact !== null) exacts.push(...exact);
  if (branches.every(({ exact }) => exact !== null) && exacts.length <= alternativesMax) return { exact: exacts, best: null };
  const bests: string[] = [];
  for (const { exact, best } of branches) {
    const ofBranch = better(usable(exact), best);
    if (ofBranch === null) return nothing;
    bests.push(...ofBranch);
  }
  return { exact: null, best: bests.length <= alternativesMax ? bests : null };
}

/** As something that a line must have: an empty text is in all of them. */
function usable(exact: readonly string[] | null): Literals | null {
  return exact === null || exact.length === 0 || exact.includes('') ? null : [...new Set(exact)];
}

/** The one that fewer lines have, as far as lengths tell. */
function better(a: Literals | null, b: Literals | null): Literals | null {
  if (a === null || b === null) return a ?? b;
  return scoreOf(a) >= scoreOf(b) ? a : b;
}

const scoreOf = (literals: Literals): number => Math.min(...literals.map(({ length }) => length)) - literals.length / alternativesMax;
