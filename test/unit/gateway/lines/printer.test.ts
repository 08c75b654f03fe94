import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/base/random.ts';
import { EventReader } from '../../../../src/ingest/event.ts';
import type { LineSource } from '../../../../src/gateway/lines/line-sink.ts';
import { LineSplitter } from '../../../../src/ingest/line-splitter.ts';
import { Printer } from '../../../../src/gateway/lines/printer.ts';

const nowS = (): number => 7;

/** Any bytes but newlines. */
const anyBytes = (random: SeededRandom, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(random.below(256)))
    .join('')
    .replaceAll('\n', ' ');

function lineOf(random: SeededRandom): string {
  const text = anyBytes(random, random.chance(0.1) ? random.below(3_000) : random.below(100));
  if (random.chance(0.2)) return text;
  const seconds = `${random.below(random.chance(0.5) ? 2 ** 31 : 2 ** 32)}${random.chance(0.8) ? `.${random.below(10_000_000)}` : ''}`;
  return random.chance(0.1) ? seconds : `${seconds} ${text}`;
}

/** Contract 1, in words of a few letters. */
function printed(line: string, name: string): string {
  const time = /^\d+(\.\d+)?(?= |$)/.exec(line)?.[0];
  const isBelieved = Number(time) >= 946_684_800 && Number(time) < 4_102_444_800;
  if (time === undefined || !isBelieved) return `7.000000 ${name} ${line}\n`;
  return `${time} ${name} ${line.slice(time.length + 1)}\n`;
}

test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
  'lines of several nodes are printed as they are to be, however their bytes are cut into reads (seed %i)',
  (seed) => {
    const random = new SeededRandom(seed);
    const out: Buffer[] = [];
    const printer = new Printer((bytes) => out.push(Buffer.from(bytes)), nowS);
    const reader = new EventReader();
    const nodes = Array.from({ length: 3 }, (_, id) => {
      const name = `${id}${'n'.repeat(random.below(random.chance(0.5) ? 10 : 254))}`;
      const source: LineSource = { id, name: Buffer.from(name), nameText: name, address: '', acceptedS: 0 };
      const lines = Array.from({ length: 200 }, () => lineOf(random));
      const splitter = new LineSplitter(65_536, (bytes, from, to) => {
        reader.read(bytes, from, to);
        printer.event(source, bytes, from, to, reader.timeTo);
      });
      return { name, lines, splitter, left: Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1') };
    });

    while (nodes.some(({ left }) => left.length > 0)) {
      const node = nodes[random.below(3)] as (typeof nodes)[number];
      const length = Math.min(node.left.length, 1 + random.below(random.chance(0.5) ? 10 : 5_000));
      // A copy, as each read of a socket is a memory of its own.
      node.splitter.push(Buffer.from(node.left.subarray(0, length)));
      node.left = node.left.subarray(length);
      printer.flush();
    }

    const all = Buffer.concat(out).toString('latin1');
    const expected = nodes.map(({ name, lines }) => lines.map((line) => printed(line, name)));
    expect(all.length).toBe(expected.flat().join('').length);
    for (const own of expected) {
      let at = 0;
      for (const line of own) {
        at = all.indexOf(line, at);
        expect(at, JSON.stringify(line)).toBeGreaterThanOrEqual(0);
        at += line.length;
      }
    }
  },
);
