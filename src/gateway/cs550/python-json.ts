/**
 * JSON as Python's `json` module reads and writes it: `loads` of Python 3, strict, and `dumps` with its defaults. JavaScript's own would not do: it writes no
 * space behind `,` and `:`, leaves what is not ASCII as it is, makes `1.0` into `1` and `1e16` into `10000000000000000`, rounds long integers, and puts keys
 * that look like numbers first. `NaN`, `Infinity` and `-Infinity` are JSON there.
 */
export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** As Python would write it. */
class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Python gives up at about a thousand levels. */
const depthMax = 900;
/** `int` refuses longer ones (`sys.int_info`). */
const integerDigitsMax = 4300;

/** Undefined for what is no JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return new Parser(text).whole();
  } catch (error) {
    if (error instanceof NoJson) return undefined;
    throw error;
  }
}

class NoJson extends Error {}

const controls = '\\u0000-\\u001f';
const stringPart = new RegExp(`[^"\\\\${controls}]*`, 'y');
const numberText = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const blanks = /[ \t\n\r]*/y;
const words: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', new JsonNumber('NaN')],
  ['Infinity', new JsonNumber('Infinity')],
  ['-Infinity', new JsonNumber('-Infinity')],
]);
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): JsonValue {
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw new NoJson();
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > depthMax) throw new NoJson();
    this.#skipBlanks();
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#list(depth);
    for (const [word, value] of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#number();
  }

  #object(depth: number): JsonValue {
    const fields = new Map<string, JsonValue>();
    this.#at++;
    if (this.#takes('}')) return fields;
    do {
      this.#skipBlanks();
      const key = this.#string();
      if (!this.#takes(':')) throw new NoJson();
      // The last one of a name wins, at the place of the first.
      fields.set(key, this.#value(depth + 1));
    } while (this.#takes(','));
    if (!this.#takes('}')) throw new NoJson();
    return fields;
  }

  #list(depth: number): JsonValue {
    const values: JsonValue[] = [];
    this.#at++;
    if (this.#takes(']')) return values;
    do values.push(this.#value(depth + 1));
    while (this.#takes(','));
    if (!this.#takes(']')) throw new NoJson();
    return values;
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw new NoJson();
    this.#at++;
    let value = '';
    for (;;) {
      value += this.#match(stringPart)?.[0] ?? '';
      const next = this.#text[this.#at++];
      if (next === '"') return value;
      if (next !== '\\') throw new NoJson();
      value += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? '';
    if (letter !== 'u') {
      const character = escapes[letter];
      if (character === undefined) throw new NoJson();
      return character;
    }
    const hex = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw new NoJson();
    this.#at += 4;
    // Halves of a pair come together by themselves, and a lone one stays, as in Python.
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #number(): JsonValue {
    const match = this.#match(numberText);
    if (match === null) throw new NoJson();
    const [text, fraction, exponent] = match;
    if (fraction !== undefined || exponent !== undefined) return new JsonNumber(writeFloat(Number(text)));
    if (text.length - (text.startsWith('-') ? 1 : 0) > integerDigitsMax) throw new NoJson();
    return new JsonNumber(text === '-0' ? '0' : text);
  }

  #takes(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    this.#match(blanks);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}

/** `repr` of a float: the fewest digits that give it back, as in JavaScript, but laid out otherwise. */
function writeFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', exponentText = ''] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  if (exponent >= 16 || exponent < -4) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

export function writeJson(value: JsonValue): string {
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (isList(value)) return `[${value.map(writeJson).join(', ')}]`;
  return `{${[...value].map(([key, each]) => `${writeString(key)}: ${writeJson(each)}`).join(', ')}}`;
}

const isList = (value: readonly JsonValue[] | ReadonlyMap<string, JsonValue>): value is readonly JsonValue[] => Array.isArray(value);

const shortForms: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

/** Each UTF-16 unit that is no printable ASCII on its own: Python writes pairs as pairs too. */
const writeString = (text: string): string =>
  `"${text.replace(/["\\]|[^ -~]/g, (unit) => shortForms[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
