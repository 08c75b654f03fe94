/**
 * Patterns of grep against records: `matcher.ts` decides, by texts (`literals.ts`), by a linear engine (`parse.ts`, `translate.ts`), or by saying that GNU
 * grep must be asked. It leaves out who asks it.
 */
export type { GrepAnswer, GrepAsker, GrepQuestion } from './asker.ts';
export { isForGrep, type Matcher, makeMatcher, type MatcherHost, type UsedEngine } from './matcher.ts';
export { parsePattern } from './parse.ts';
export { translate } from './translate.ts';
