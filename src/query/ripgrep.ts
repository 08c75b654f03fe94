/**
 * Where ripgrep may stand in for GNU grep: the table of proven equals. Every row must hold, or GNU grep searches; `test/long/grep-equals.test.ts` compares
 * the two over generated logs for everything that the table lets through. The patterns are translated from a part of POSIX's language in which both
 * programs mean the same: literals, `.`, brackets of plain characters that are not negated, groups, alternatives and repetition. Which part of a line
 * matches may differ (leftmost-longest there, leftmost-first here), which lines are selected does not.
 */
import type { Match, SearchRequest } from './request.ts';

/** Rows of the table: what must be so, and the sentence for `--stats` and `--explain` when it is not. */
export const ripgrepEquals: readonly { readonly must: string; readonly holds: (request: SearchRequest) => boolean }[] = [
  { must: 'patterns are strings, or basic or extended expressions (no -P)', holds: ({ match }) => match.dialect !== 'perl' },
  { must: 'a match need not be a whole word (no -w)', holds: ({ match }) => !match.word },
  {
    must: 'with -i the patterns are plain, without the letters i, k and s: other letters of Unicode count as those in one of the programs only',
    holds: ({ match }) => !match.ignoreCase || match.patterns.every((pattern) => isPlain(pattern) && !/[iks]/i.test(ascii(pattern))),
  },
  {
    must: 'patterns together are at most 8 KiB of printable ASCII, none of them empty, in the part of the language that both share',
    holds: ({ match }) => translatePatterns(match) !== null,
  },
  {
    must: 'with -o there is one pattern, a plain string, and no -v',
    holds: ({ match, output }) => !output.onlyMatching || (!match.invert && match.patterns.length === 1 && match.patterns.every(isPlain)),
  },
  { must: 'lines are printed or counted, or files with a match named (no -L)', holds: ({ output }) => output.mode !== 'without' },
  { must: '-m is given without context', holds: ({ output }) => output.maxCount === null || !hasContext(output) },
  { must: '-m is above 0', holds: ({ output }) => output.maxCount !== 0 },
  { must: '-c counts without -o', holds: ({ output }) => output.mode !== 'count' || !output.onlyMatching },
  {
    must: 'context is of 1 to 1000 lines, without -o',
    holds: ({ output }) => {
      if (!hasContext(output)) return true;
      const { before, after, onlyMatching } = output;
      return !onlyMatching && (before ?? 0) + (after ?? 0) > 0 && (before ?? 0) <= 1000 && (after ?? 0) <= 1000;
    },
  },
  { must: 'lines end with a line feed (no -z)', holds: ({ output }) => !output.nullData },
  {
    must: 'the whole of each file is searched, not a range of time',
    holds: ({ sinceMs, untilMs }) => sinceMs === null && untilMs === null,
  },
  { must: 'files are not followed', holds: ({ follow }) => !follow },
  { must: 'no colours and no -T', holds: ({ output }) => !output.color && !output.initialTab },
];

const hasContext = ({ before, after }: SearchRequest['output']): boolean => before !== null || after !== null;

/** What ripgrep is told: the patterns, and whether they are strings (`-F`). Null where it could mean something else by them. */
export function translatePatterns({ dialect, patterns }: Match): { readonly fixed: boolean; readonly patterns: readonly string[] } | null {
  if (dialect === 'perl' || patterns.length === 0) return null;
  let bytes = 0;
  const translated: string[] = [];
  for (const pattern of patterns) {
    bytes += pattern.length;
    if (bytes > 8192 || pattern.length === 0 || pattern.some((byte) => byte < 0x20 || byte > 0x7e)) return null;
    const text = ascii(pattern);
    const expression = dialect === 'fixed' ? text : translateExpression(text, dialect === 'extended');
    if (expression === null) return null;
    translated.push(expression);
  }
  return { fixed: dialect === 'fixed', patterns: translated };
}

function ascii(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Nothing in it is special in any of the dialects. */
const isPlain = (pattern: Uint8Array): boolean => /^[\w ,:;/=@#%&~"'<>!-]+$/.test(ascii(pattern));

/** Special in a regular expression of ripgrep's. */
const escapeLiteral = (character: string): string => (/[\\.+*?()|[\]{}^$#&~-]/.test(character) ? `\\${character}` : character);

const repeatsMax = 255;
/** Of all copies that counted repetition makes. */
const atomsMax = 4096;

interface Piece {
  readonly text: string;
  /** Fewest characters that it matches. */
  readonly least: number;
  /** Its size with all repetition written out. */
  readonly atoms: number;
}

/**
 * Recursive descent over alternatives, branches and atoms. Whatever is undefined in POSIX, means something else in one of the programs, or matches the
 * empty string as a whole gives null.
 */
function translateExpression(text: string, isExtended: boolean): string | null {
  let at = 0;
  const open = isExtended ? '(' : '\\(';
  const close = isExtended ? ')' : '\\)';
  const or = isExtended ? '|' : '\\|';
  const repeatOpen = isExtended ? '{' : '\\{';
  const repeatClose = isExtended ? '}' : '\\}';
  const looksAt = (token: string): boolean => text.startsWith(token, at);
  const take = (token: string): boolean => {
    if (!looksAt(token)) return false;
    at += token.length;
    return true;
  };

  const alternatives = (depth: number): Piece | null => {
    const branches: Piece[] = [];
    do {
      const next = branch(depth);
      if (next === null) return null;
      branches.push(next);
    } while (take(or));
    return {
      text: branches.map((piece) => piece.text).join('|'),
      least: Math.min(...branches.map((piece) => piece.least)),
      atoms: branches.reduce((sum, piece) => sum + piece.atoms, 0),
    };
  };

  const branch = (depth: number): Piece | null => {
    let piece: Piece = { text: '', least: 0, atoms: 0 };
    // Anchors where they are anchors in both dialects: at the two ends of the expression as a whole or of one of its alternatives.
    if (depth === 0 && take('^')) piece = { ...piece, text: '^' };
    let count = 0;
    while (at < text.length && !looksAt(or) && !(depth > 0 && looksAt(close))) {
      if (depth === 0 && looksAt('$') && (at + 1 === text.length || text.startsWith(or, at + 1))) {
        at++;
        piece = { ...piece, text: `${piece.text}$` };
        break;
      }
      const single = atom(depth);
      const repeated = single === null ? null : repeat(single);
      if (repeated === null) return null;
      count++;
      piece = { text: piece.text + repeated.text, least: piece.least + repeated.least, atoms: piece.atoms + repeated.atoms };
      if (piece.atoms > atomsMax) return null;
    }
    return count === 0 ? null : piece;
  };

  const atom = (depth: number): Piece | null => {
    if (take(open)) {
      if (depth >= 8) return null;
      const inner = alternatives(depth + 1);
      return inner === null || !take(close) ? null : { ...inner, text: `(?:${inner.text})` };
    }
    if (take('.')) return { text: '.', least: 1, atoms: 1 };
    if (take('[')) return bracket();
    const character = text[at] as string;
    if (character === '\\') {
      const escaped = text[at + 1];
      if (escaped === undefined || !/[.*[\]^$\\/]/.test(escaped)) return null;
      at += 2;
      return { text: escapeLiteral(escaped), least: 1, atoms: 1 };
    }
    if (/[*^$\]]/.test(character) || (isExtended && /[+?{}()|]/.test(character))) return null;
    at++;
    return { text: escapeLiteral(character), least: 1, atoms: 1 };
  };

  /** One repetition of an atom; of two in a row it is not said what they mean. */
  const repeat = (piece: Piece): Piece | null => {
    const [star, plus, question] = isExtended ? ['*', '+', '?'] : ['*', '\\+', '\\?'];
    let repeated = piece;
    if (take(star as string)) repeated = { ...piece, text: `${piece.text}*`, least: 0 };
    else if (take(plus as string)) repeated = { ...piece, text: `${piece.text}+` };
    else if (take(question as string)) repeated = { ...piece, text: `${piece.text}?`, least: 0 };
    else if (take(repeatOpen)) {
      const end = text.indexOf(repeatClose, at);
      const [, from, comma = '', to = ''] = /^(\d{1,3})(,?)(\d{0,3})$/.exec(end < 0 ? '' : text.slice(at, end)) ?? [];
      if (from === undefined || (comma === '' && to !== '')) return null;
      at = end + repeatClose.length;
      const least = Number(from);
      const most = comma === '' ? least : to === '' ? Math.max(least, 1) : Number(to);
      if (least > most || most > repeatsMax || most === 0) return null;
      repeated = { text: `${piece.text}{${least}${comma}${to}}`, least: piece.least * least, atoms: piece.atoms * most };
    }
    return ['*', plus, question, repeatOpen].some((token) => looksAt(token as string)) ? null : repeated;
  };

  const bracket = (): Piece | null => {
    // What such a bracket selects where a line ends within a character depends in GNU grep on what comes behind the line.
    if (take('^')) return null;
    let inner = '';
    for (;;) {
      const character = text[at];
      if (character === undefined || /[[\\^]/.test(character)) return null;
      if (character === ']') {
        at++;
        return inner === '' ? null : { text: `[${inner}]`, least: 1, atoms: 1 };
      }
      if (text[at + 1] === '-' && text[at + 2] !== ']') {
        const last = text[at + 2] ?? '';
        if (![/^[a-z]{2}$/, /^[A-Z]{2}$/, /^\d{2}$/].some((kind) => kind.test(character + last)) || last < character) return null;
        inner += `${character}-${last}`;
        at += 3;
        continue;
      }
      // A hyphen that is not at an end may be meant as a range.
      if (character === '-' && inner !== '' && text[at + 1] !== ']') return null;
      inner += escapeLiteral(character);
      at++;
    }
  };

  const whole = alternatives(0);
  return whole === null || at < text.length || whole.least === 0 ? null : whole.text;
}
