import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AddressedClock, formatMessage, MessageReader } from '../../../src/clocks/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';

/** What a reader makes of a stream that is cut into pieces at these places; `torn` is what it says of the end. */
function readAll(
  stream: string,
  cuts: readonly number[] = [],
): { readonly taken: (AddressedClock | string)[]; readonly torn: string | null } {
  const reader = new MessageReader(3);
  const taken: (AddressedClock | string)[] = [];
  const bytes = simBytes.utf8Encode(stream);
  let at = 0;
  for (const cut of [...[...cuts].sort((a, b) => a - b), bytes.length]) {
    reader.push(bytes.subarray(at, Math.max(at, cut)), (message) => taken.push(message.ok ? message.value : message.error));
    at = Math.max(at, cut);
  }
  return { taken, torn: reader.end() };
}

describe('messages on a socket', () => {
  test('are read as they were written, however the stream is split', () => {
    const message = fc.record({ from: fc.nat(2), to: fc.nat(2), clock: fc.nat(1_000_000_000) }).filter(({ from, to }) => from !== to);
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), fc.array(fc.nat(300), { maxLength: 10 }), (messages, cuts) => {
        expect(readAll(messages.map(formatMessage).join(''), cuts)).toEqual({ taken: messages, torn: null });
      }),
    );
  });

  test('do not run into one another: 12 and 13 are not 1213', () => {
    const taken = readAll('0 1 12\n0 1 13\n', [5, 7, 8]).taken;

    expect(taken.map((message) => (typeof message === 'string' ? message : message.clock))).toEqual([12, 13]);
  });

  // biome-ignore format: a table
  test.each([
    ['an empty one',            '\n',                        'the message is empty'],
    ['one of spaces',           '   \n',                     'the message is empty'],
    ['a negative clock',        '0 1 -5\n',                  'the clock of the message "0 1 -5" is negative'],
    ['a word',                  '0 1 seven\n',               'the clock of the message "0 1 seven" is not a number below 10^15'],
    ['a fraction',              '0 1 1.5\n',                 'the clock of the message "0 1 1.5" is not a number below 10^15'],
    ['no clock',                '0 1 \n',                    'the clock of the message "0 1 " is not a number below 10^15'],
    ['one beyond all numbers',  `0 1 ${'9'.repeat(20)}\n`,   `the clock of the message "0 1 ${'9'.repeat(20)}" is not a number below 10^15`],
    ['two numbers',             '0 1\n',                     'the message "0 1" is not sender, receiver and clock'],
    ['a machine that is not',   '0 3 5\n',                   'the message "0 3 5" is of no machine here'],
    ['one to itself',           '1 1 5\n',                   'the message "1 1 5" is from a machine to itself'],
    ['control characters',      '0 1 \u001b[2J\n',           'the clock of the message "0 1 .[2J" is not a number below 10^15'],
    ['more than a message',     `${'1'.repeat(10_000)}\n`,   'the message is longer than 64 bytes'],
  ])('%s is an error, and the next message is whole', (_name, stream, error) => {
    expect(readAll(`${stream}2 1 8\n`, [1]).taken).toEqual([error, { from: 2, to: 1, clock: 8 }]);
  });

  test('are torn where the connection ends within one', () => {
    expect(readAll('0 1 5\n0 1 1')).toEqual({
      taken: [{ from: 0, to: 1, clock: 5 }],
      torn: 'the message is torn: the connection ended after "0 1 1"',
    });
  });
});
