/** What is asked: each token and an expression, each as a count and as lines. */
import { type Token, tokenNames } from './logs.ts';

export interface Question {
  /** In tables and charts. */
  readonly name: string;
  readonly dialect: 'fixed' | 'extended';
  readonly pattern: string;
  readonly counts: boolean;
}

export const expression = 'uni(que|fied)|quixot[a-z]+';
/** The seed's four; the rare one is ours. */
export const seedTokens: readonly Token[] = ['everywhere', 'unique', 'even', 'heavy'];
const frequent: readonly string[] = [...seedTokens, 'expression'];

export const questions: readonly Question[] = [true, false].flatMap((counts) => [
  ...tokenNames.map((name) => ({ name, dialect: 'fixed', pattern: name, counts }) as const),
  { name: 'expression', dialect: 'extended', pattern: expression, counts },
]);

export const modeOf = ({ counts }: Question): string => (counts ? '-c' : 'lines');

/** A large part of what is searched is printed. */
export const printsMuch = ({ name, counts }: Question): boolean => !counts && frequent.includes(name);
