/** Deeper than this nothing is moved further in: a text of a million brackets stays a few megabytes. */
const DEPTH_MAX = 40;
const SPACE = new Set([' ', '\t', '\n', '\r']);

/**
 * JSON with a line for each member, its text as it is: nothing is parsed into numbers and written again, which would change long ones, nor are names
 * that stand twice made one.
 *
 * @returns null where the text is no object or list
 */
export function indentJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return null;
  const out: string[] = [];
  let depth = 0;
  const newLine = (): void => void out.push('\n', '  '.repeat(Math.min(depth, DEPTH_MAX)));
  for (let at = 0; at < text.length; ) {
    const character = text[at] ?? '';
    if (character === '"') {
      const end = endOfString(text, at);
      out.push(text.slice(at, end));
      at = end;
      continue;
    }
    at++;
    if (SPACE.has(character)) continue;
    if (character === '{' || character === '[') {
      while (SPACE.has(text[at] ?? '')) at++;
      out.push(character);
      if (text[at] === '}' || text[at] === ']') {
        out.push(text[at] ?? '');
        at++;
      } else {
        depth++;
        newLine();
      }
    } else if (character === '}' || character === ']') {
      depth--;
      newLine();
      out.push(character);
    } else if (character === ',') {
      out.push(character);
      newLine();
    } else out.push(character === ':' ? ': ' : character);
  }
  return out.join('');
}

/** Behind the quotation mark that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
