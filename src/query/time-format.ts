import { failed, ok, type Result } from '../base/result.ts';
import { byteAt, digitsAt, fractionAt, isLetter, isSpace, monthAt, nextByte, type Reading, zoneAt } from './time-parts.ts';

/**
 * How the lines of a log write their time, said as for `strptime`: `%d/%b/%Y:%H:%M:%S %z`. It is looked for in a line from its beginning on, and counts
 * where it first fits.
 */
export interface TimeFormat {
  readonly steps: readonly Step[];
}

/** Reads a part at `reading.at` and moves on; false when it does not fit. */
type Step = (reading: Reading) => boolean;

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

const number =
  (part: Part, digits: number): Step =>
  (reading) => {
    // Two digits may be one, behind a blank or not: `Nov  3`.
    if (digits === 2 && byteAt(reading) === 0x20) reading.at++;
    const value = digitsAt(reading, digits === 2 ? 1 : digits, digits);
    reading.moment[part] = value;
    return value >= 0;
  };

/** Letters, at least one: names of days, and of zones of which only Greenwich's is known by name. */
function wordAt(reading: Reading): boolean {
  const from = reading.at;
  while (isLetter(byteAt(reading))) reading.at++;
  return reading.at > from;
}

const directives: Readonly<Record<string, Step>> = {
  Y: number('year', 4),
  y: (reading) => {
    const value = digitsAt(reading, 2, 2);
    // As POSIX has it: 69 to 99 are of the last century.
    reading.moment.year = value + (value < 69 ? 2000 : 1900);
    return value >= 0;
  },
  m: number('month', 2),
  b: (reading) => {
    reading.moment.month = monthAt(reading);
    if (reading.moment.month === 0) return false;
    wordAt(reading);
    return true;
  },
  d: number('day', 2),
  H: number('hour', 2),
  I: number('hour', 2),
  p: (reading) => {
    const half = nextByte(reading) | 0x20;
    if ((half !== 0x61 && half !== 0x70) || (nextByte(reading) | 0x20) !== 0x6d) return false;
    reading.moment.hour = (reading.moment.hour % 12) + (half === 0x70 ? 12 : 0);
    return true;
  },
  M: number('minute', 2),
  S: number('second', 2),
  f: fractionAt,
  s: (reading) => {
    const value = digitsAt(reading, 9, 12);
    reading.epochMs = value * 1000;
    return value >= 0;
  },
  z: zoneAt,
  Z: (reading) => {
    const { bytes, at } = reading;
    if (!wordAt(reading)) return false;
    const isGreenwich =
      reading.at - at === 3 && ((bytes[at] === 0x55 && bytes[at + 1] === 0x54) || (bytes[at] === 0x47 && bytes[at + 1] === 0x4d));
    if (isGreenwich || (reading.at - at === 1 && bytes[at] === 0x5a)) reading.moment.zoneMinutes = 0;
    return true;
  },
  a: wordAt,
};

/** Other letters for the same, as `strptime` and date(1) have them, and what some stand for. */
const synonyms: Readonly<Record<string, string>> = {
  e: '%d',
  h: '%b',
  B: '%b',
  A: '%a',
  k: '%H',
  l: '%I',
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
  n: ' ',
  t: ' ',
};

const charactersMax = 200;

/** Or why it is none, as the end of a sentence. */
export function parseTimeFormat(text: string): Result<TimeFormat, string> {
  if (text.length > charactersMax) return failed(`it is longer than ${charactersMax} characters`);
  const used = new Set<string>();
  const steps: Step[] = [];
  const expanded = text.replace(/%(.)/gu, (whole, letter: string) => synonyms[letter] ?? whole);
  for (let at = 0; at < expanded.length; at++) {
    const character = expanded[at] as string;
    if (character !== '%') {
      steps.push(character === ' ' || character === '\t' ? blanksAt : literal(character));
      continue;
    }
    const letter = expanded[++at] ?? '';
    const step = directives[letter];
    if (letter === '%') steps.push(literal('%'));
    else if (step === undefined)
      return failed(`%${letter} is not one of ${Object.keys(directives).join('')} after %, nor ${Object.keys(synonyms).join('')}`);
    else {
      steps.push(step);
      used.add(letter);
    }
  }
  const hasDay = used.has('d') && (used.has('m') || used.has('b')) && (used.has('H') || used.has('I'));
  return used.has('s') || hasDay ? ok({ steps }) : failed('it names no %s, nor a month, a day and an hour');
}

function literal(character: string): Step {
  const code = character.charCodeAt(0);
  return (reading) => nextByte(reading) === code;
}

/** Any number of blanks, one at least. */
function blanksAt(reading: Reading): boolean {
  const from = reading.at;
  while (isSpace(byteAt(reading))) reading.at++;
  return reading.at > from;
}
