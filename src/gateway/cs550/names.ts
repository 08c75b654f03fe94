/**
 * Names of the old wire, where any text is one, as names of Cairn's topics, subscribers and publishers. What can be called the same is: `news` is the topic
 * `news`. Everything else has one of two forms, which nothing else is given:
 *
 *     cs550.<text>                 each byte of its UTF-8 that is neither letter, digit, dot nor dash as _ and two hexadecimal digits: "a b" is cs550.a_20b
 *     cs550-sha256.<64 digits>     where that is longer than 249 characters: SHA-256 of the same bytes
 *
 * Half of a surrogate pair, which JSON can bring and UTF-8 cannot, has the three bytes that it would have by the same rule (as Python's `surrogatepass`), so no two texts
 * share a name. `log` and what begins with `cairn.` belong to Cairn: on this wire they are names like any other.
 */
import { toHex } from '../../base/bytes.ts';
import { sha256 } from '../../base/sha256.ts';
import { isTopicName } from '../../eventlog/index.ts';

const lengthMax = 249;
const escapedPrefix = 'cs550.';
const hashedPrefix = 'cs550-sha256.';

export function topicNameOf(text: string): string {
  return isTopicName(text) && !isTaken(text) ? text : otherName(text);
}

/** Of a publisher or a subscriber. */
export function clientIdOf(text: string): string {
  const isPlain = text.length > 0 && text.length <= lengthMax && /^[ -~]*$/.test(text) && !isTaken(text);
  return isPlain ? text : otherName(text);
}

/** By Cairn, or by the forms of this file. */
const isTaken = (text: string): boolean => text === 'log' || /^(?:cairn\.|cs550[.-])/.test(text);

function otherName(text: string): string {
  const bytes = bytesOf(text);
  let name = escapedPrefix;
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    name += /[A-Za-z0-9.-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
    if (name.length > lengthMax) return `${hashedPrefix}${toHex(sha256(bytes))}`;
  }
  return name;
}

/** UTF-8, with three bytes for half of a pair. */
function bytesOf(text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts = Array.from(text, (character) => {
    const code = character.codePointAt(0) as number;
    const isHalf = code >= 0xd800 && code <= 0xdfff;
    return isHalf ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]) : Buffer.from(character, 'utf8');
  });
  return Buffer.concat(parts);
}
