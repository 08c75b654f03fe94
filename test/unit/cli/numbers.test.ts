// Every option and argument of the command line that takes a number, at the edges: it is taken, or refused in one sentence with exit code 2.
import { type Argument, type Command, InvalidArgumentError, type Option } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadProgram } from '../../../src/cli/program.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { fakeIo } from './fake-io.ts';

const edges = [
  '',
  ' ',
  '0',
  '-0',
  '-1',
  '+1',
  '1',
  '1.5',
  '.5',
  '1.',
  '1e3',
  '1e400',
  '0x10',
  'abc',
  'NaN',
  'Infinity',
  '1,2',
  '1 2',
  '٣',
  '1\n2',
  ...[2 ** 15, 2 ** 16 - 1, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53 - 1].map(String),
  '9007199254740992',
  '9007199254740993',
  '9'.repeat(16),
  '9'.repeat(17),
  '9'.repeat(400),
];

interface Place {
  readonly command: readonly string[];
  readonly what: Option | Argument;
  parse(text: string): unknown;
  /** The words of a command line that gives it this text. */
  words(text: string): readonly string[];
}

const usual: Readonly<Record<string, string>> = { rate: '1', name: 'node1', host: '127.0.0.1', topic: 'log' };

function placesOf(command: Command, path: readonly string[]): Place[] {
  const places: Place[] = [];
  const own = ({ parseArg }: Option | Argument): ((text: string) => unknown) | null =>
    parseArg === undefined ? null : (text) => (parseArg as (text: string, previous: unknown) => unknown)(text, undefined);
  for (const what of command.options) {
    const parse = own(what);
    const { long } = what;
    if (parse !== null && long !== null && long !== undefined)
      places.push({ command: path, what, parse, words: (text) => [...path, `${long}=${text}`] });
  }
  command.registeredArguments.forEach((what, index) => {
    const parse = own(what);
    const before = command.registeredArguments.slice(0, index).map((argument) => usual[argument.name()] ?? 'x');
    if (parse !== null) places.push({ command: path, what, parse, words: (text) => [...path, '--', ...before, text] });
  });
  return [...places, ...command.commands.flatMap((sub) => placesOf(sub, [...path, sub.name()]))];
}

/** What comes of a text: a value, or the sentence of a refusal. Anything else is a defect. */
function tried({ parse }: Place, text: string): { readonly value: unknown } | { readonly refusal: string } {
  try {
    return { value: parse(text) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return { refusal: error.message };
  }
}

const isNumber = (value: unknown): boolean => typeof value === 'number' || (Array.isArray(value) && value.every(isNumber));
const takesNumber = (place: Place): boolean =>
  ['1', '3', '100', '65536', '1M', '1790000000000'].some((text) => {
    try {
      return isNumber(place.parse(text));
    } catch {
      return false;
    }
  });

const isHeld = (value: unknown): boolean =>
  typeof value === 'string' || (Number.isFinite(value) && Math.abs(value as number) <= Number.MAX_SAFE_INTEGER);

const nameOf = ({ command, what }: Place): string => `cairn ${command.join(' ')} ${'flags' in what ? what.flags : `<${what.name()}>`}`;

let places: Place[];

beforeAll(async () => {
  const program = await loadProgram(fakeIo().io);
  places = program.commands.flatMap((command) => placesOf(command, [command.name()])).filter(takesNumber);
});

describe('a number on the command line', () => {
  test('is looked for in every command', () => {
    const names = places.map(nameOf);

    expect(names.length).toBeGreaterThan(50);
    expect(names).toEqual(
      expect.arrayContaining([
        'cairn read -n, --max <count>',
        'cairn read --since <time>',
        'cairn append --timeout <seconds>',
        'cairn generate <rate>',
        'cairn logger <port>',
        'cairn node --spool-max <size>',
        'cairn sim --brokers <list>',
        'cairn sim --topics <count>',
        'cairn lab chaos --seed <number>',
        'cairn topic create --retention-bytes <size>',
      ]),
    );
  });

  test('is one that every later step can hold, or is refused with what it may be', () => {
    let refused = 0;
    let taken = 0;
    for (const place of places) {
      for (const edge of edges) {
        const outcome = tried(place, edge);
        const isTaken = 'value' in outcome;
        const isRight = isTaken ? [outcome.value].flat(Number.POSITIVE_INFINITY).every(isHeld) : /^It is .+\.$/.test(outcome.refusal);
        expect(isRight, `${nameOf(place)} ${edge}: ${JSON.stringify(outcome)}`).toBe(true);
        if (isTaken) taken++;
        else refused++;
      }
    }

    expect(refused).toBeGreaterThan(1000);
    expect(taken).toBeGreaterThan(100);
  });

  test('that is refused ends the command with one sentence and exit code 2', async () => {
    for (const [index, place] of places.entries()) {
      // A part of them at each place: every edge comes at some.
      for (const edge of edges.filter((text, at) => (at + index) % 4 === 0 && 'refusal' in tried(place, text))) {
        const { io, out, err } = fakeIo({ env: { CAIRN_SERVER: 'http://127.0.0.1:1' } });

        const code = await runCli(place.words(edge), io);

        const typed = `${nameOf(place)} ${JSON.stringify(edge.slice(0, 40))}`;
        expect({ code, out: out() }, typed).toEqual({ code: 2, out: '' });
        expect(err(), typed).toMatch(/^Cannot run cairn [\w -]+: .* is invalid(?: for argument '\w+')?: it is [^\n]+\n$/);
      }
    }
  });
});
