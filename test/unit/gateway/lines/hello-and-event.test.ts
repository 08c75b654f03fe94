import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/base/random.ts';
import { EventReader } from '../../../../src/ingest/event.ts';
import { parseHello } from '../../../../src/gateway/lines/hello.ts';

const hello = (text: string): ReturnType<typeof parseHello> => parseHello(Buffer.from(text, 'latin1'));
const session = '0123456789abcdef0123456789abcdef';

describe('the first line', () => {
  test('is a name, kept byte for byte', () => {
    expect(hello('node1')).toEqual({ kind: 'plain', name: new Uint8Array(Buffer.from('node1')) });
    expect(hello('\xff\xfe')).toMatchObject({ kind: 'plain', name: Uint8Array.from([0xff, 0xfe]) });
  });

  test('may say that the node keeps a spool', () => {
    expect(hello(`n cairn/1 ${session} 17`)).toMatchObject({ kind: 'session', session, sequence: 17, connection: null });
    expect(hello(`n cairn/2 ${session} 17 5be0c1a27f03`)).toMatchObject({
      kind: 'session',
      session,
      sequence: 17,
      connection: 0x5be0c1a27f03,
    });
  });

  test.each([
    ['', 'it gave no name'],
    ['x'.repeat(256), 'its name is longer than 255 bytes'],
    ['a b', 'its name holds a space'],
    [` cairn/1 ${session} 0`, 'it gave no name'],
    [`n cairn/3 ${session} 0 5be0c1a27f03`, 'its name holds a space'],
    [`n cairn/2 ${session} 0`, 'its name holds a space'],
    [`n cairn/2 ${session} 0 5be0c1a27f0`, 'its name holds a space'],
    [`n cairn/1 ${session} 0 5be0c1a27f03`, 'its name holds a space'],
    [`n cairn/1 ${session} -1`, 'its name holds a space'],
    ['a\x1b[31m', 'its name holds a control character'],
    ['a\r', 'its name holds a control character'],
    ['a\0', 'its name holds a control character'],
    ['a\x7f', 'its name holds a control character'],
    ['\xc2\x9b31m', 'its name holds a control character'],
  ])('%j is refused', (text, reason) => {
    expect(hello(text)).toEqual({ kind: 'refused', reason });
  });
});

describe('an event', () => {
  const read = (text: string): { seconds: number; time: string } => {
    const reader = new EventReader();
    const bytes = Buffer.from(`xx${text}`);
    reader.read(bytes, 2, bytes.length);
    return { seconds: reader.seconds, time: bytes.toString('latin1', 2, reader.timeTo) };
  };

  test.each([
    ['1610688413.782391 ce78', 1610688413.782391, '1610688413.782391'],
    ['1610688418.2844002 b6', 1610688418.2844002, '1610688418.2844002'],
    ['1610688418 b6', 1610688418, '1610688418'],
    ['1610688418', 1610688418, '1610688418'],
    ['1610688418.00000000000000000001 x', 1610688418, '1610688418.00000000000000000001'],
    ['946684800 the first that is believed', 946684800, '946684800'],
    ['4102444799.9 the last', 4102444799.9, '4102444799.9'],
  ])('%j has a time', (text, seconds, time) => {
    const event = read(text);

    expect(event.time).toBe(time);
    expect(event.seconds).toBeCloseTo(seconds, 6);
  });

  test.each(['', ' 5 x', 'abc', '5x', '5. x', '.5 x', '-5 x', '1e5 x', '5.5.5 x', '1610688413,5 x'])('%j is untimed', (text) => {
    expect(read(text)).toEqual({ seconds: Number.NaN, time: '' });
  });

  test.each([
    ['404 Not Found'],
    ['946684799.9 before 2000'],
    ['4102444800 in 2100'],
    ['1764512345123 milliseconds'],
    [`${'9'.repeat(400)} digits`],
    [`${'0'.repeat(400)} digits`],
  ])('%j has a number that is no time, and is untimed', (text) => {
    expect(read(text)).toEqual({ seconds: Number.NaN, time: '' });
  });
});

describe('the reader of events', () => {
  const characters = '0123456789.:/ x\u00b0\u0000';

  test('takes a decimal number and nothing else, whatever its length and whatever is around it', () => {
    const random = new SeededRandom(1);
    const reader = new EventReader();
    for (let round = 0; round < 50_000; round++) {
      const digits = (count: number): string => Array.from({ length: count }, () => String(random.below(10))).join('');
      const isNearTime = random.chance(0.5);
      let text = `${isNearTime ? `1${digits(9)}` : digits(random.below(13))}${random.chance(0.7) ? `.${digits(random.below(12))}` : ''}${random.chance(0.5) ? ' x' : ''}`;
      if (random.chance(0.5) && text !== '') {
        const at = random.below(text.length);
        text = `${text.slice(0, at)}${characters[random.below(characters.length)] as string}${text.slice(at + 1)}`;
      }
      // Digits on both sides belong to other lines.
      const bytes = Buffer.from(`77${text}77777`, 'latin1');

      reader.read(bytes, 2, 2 + text.length);

      const number = /^\d+(\.\d+)?(?= |$)/.exec(text)?.[0];
      const isBelieved = number !== undefined && Number(number) >= 946_684_800 && Number(number) < 4_102_444_800;
      const time = isBelieved ? number : undefined;
      expect(reader.timeTo, JSON.stringify(text)).toBe(2 + (time?.length ?? 0));
      const expected = time === undefined ? Number.NaN : Number(time);
      const isThat = Math.abs(reader.seconds - expected) <= Math.max(1e-9, expected * 3e-16);
      expect(isThat || (time === undefined && Number.isNaN(reader.seconds)), `${JSON.stringify(text)} as ${reader.seconds}`).toBe(true);
    }
  });
});
