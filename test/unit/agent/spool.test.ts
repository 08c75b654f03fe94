import { expect, test } from 'vitest';
import { openSpool, type Spool } from '../../../src/agent/index.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

const text = (line: string): Uint8Array => new Uint8Array(Buffer.from(line));

/** A disk whose calls come back in the order in which they were begun, when it is told to. */
function makeDisk(seed: number): { readonly disk: SimDisk; readonly run: () => void } {
  const waiting: (() => void)[] = [];
  const disk = new SimDisk({ random: new SeededRandom(seed), scheduler: { schedule: (_delayMs, next) => void waiting.push(next) } });
  const run = (): void => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  };
  return { disk, run };
}

/** Opens the spool and keeps three lines in it, one after the other. Gives what is open, if it comes so far. */
function live({ disk, run }: ReturnType<typeof makeDisk>): Spool | null {
  let spool: Spool | null = null;
  openSpool({ disk, bytes: systemBytes }, { name: text('n'), newSession: '0'.repeat(32), bytesMax: 2 ** 20 }, (opened) => {
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    spool = opened.value;
  });
  run();
  return spool;
}

function keep(spool: Spool, run: () => void, lines: number): void {
  let left = lines;
  const next = (): void => {
    if (left-- > 0) spool.append(text('line\n'), 1, text(String(spool.end + 1)), next);
  };
  next();
  run();
}

test('a spool that opens after a kill shows nothing that a loss of power could still take, wherever the kill came', () => {
  let calls = 1;
  let isOver = false;
  for (let killAt = 0; !isOver; killAt++) {
    for (let seed = 1; seed <= 8; seed++) {
      const machine = makeDisk(seed);
      const { disk, run } = machine;
      calls = 0;
      disk.onCall = () => {
        if (calls++ === killAt) disk.kill();
      };
      const first = live(machine);
      if (first !== null) keep(first, run, 3);
      isOver = calls <= killAt;
      disk.onCall = null;
      disk.kill();

      const shown = live(machine);
      // What is appended takes the file to the disk, but not its name.
      if (seed % 2 === 0 && shown !== null) keep(shown, run, 1);
      const before = shown?.end;
      disk.crash();
      const after = live(machine);

      expect(after?.end, `killed at host call ${killAt}, seed ${seed}`).toBe(before);
      expect(after?.position, `killed at host call ${killAt}, seed ${seed}`).toEqual(shown?.position);
    }
  }
  expect(calls).toBeGreaterThan(40);
});
