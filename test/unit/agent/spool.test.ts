import { expect, test } from 'vitest';
import { openSpool, type Spool, type SpoolFailure } from '../../../src/agent/index.ts';
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
  openSpool({ disk, bytes: systemBytes }, { name: text('n'), newSession: '0'.repeat(32), bytesMax: 2 ** 20, machine: '' }, (opened) => {
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    spool = opened.value;
  });
  run();
  return spool;
}

function keep(spool: Spool, run: () => void, lines: number): void {
  let left = lines;
  const next = (): void => {
    if (left-- > 0) spool.append(text('line\n'), 1, [['source', String(spool.end + 1)]], next);
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
      expect(after?.notes, `killed at host call ${killAt}, seed ${seed}`).toEqual(shown?.notes);
    }
  }
  expect(calls).toBeGreaterThan(40);
});

/** What came of opening it. */
function attempt({ disk, run }: ReturnType<typeof makeDisk>, machine = ''): Spool | SpoolFailure {
  let result: Spool | SpoolFailure | null = null;
  const options = { name: text('n'), newSession: '1'.repeat(32), bytesMax: 2 ** 20, machine };
  openSpool({ disk, bytes: systemBytes }, options, (opened) => {
    result = opened.ok ? opened.value : opened.error;
  });
  run();
  if (result === null) throw new Error('it does not come back');
  return result;
}

function spoolOf(opened: Spool | SpoolFailure): Spool {
  if ('kind' in opened) throw new Error(JSON.stringify(opened));
  return opened;
}

const segment = 'events-0000000000000000';

test('says what was no whole frame at its end, and that a segment was empty', () => {
  const machine = makeDisk(1);
  keep(spoolOf(attempt(machine)), machine.run, 3);
  machine.disk.kill();
  const size = machine.disk.fileBytes(segment)?.length ?? 0;
  let grown = false;
  machine.disk.open(segment, 'write', (opened) => {
    if (opened.ok) opened.value.write(size, [text('half of a frame')], () => (grown = true));
  });
  machine.run();
  expect(grown).toBe(true);
  expect(spoolOf(attempt(machine)).repairs).toEqual({ cutBytes: 15, emptySegments: 0, leftOut: 0 });
  machine.disk.kill();

  machine.disk.open(segment, 'write', (opened) => {
    if (opened.ok) opened.value.truncate(0, () => undefined);
  });
  machine.run();
  const emptied = spoolOf(attempt(machine));
  expect([emptied.repairs, emptied.end]).toEqual([{ cutBytes: 0, emptySegments: 1, leftOut: 0 }, 0]);
});

test('keeps its notes when an agent was killed between making a segment and the first frame of it, and the one before is forgotten', () => {
  const machine = makeDisk(1);
  const { disk, run } = machine;
  const first = spoolOf(attempt(machine));
  keep(first, run, 3);
  let made = false;
  disk.open('events-0000000000000003', 'create', () => (made = true));
  run();
  expect(made).toBe(true);
  disk.kill();

  const second = spoolOf(attempt(machine));
  let isForgotten = false;
  second.forget(3, (result) => (isForgotten = result.ok));
  run();
  expect([isForgotten, second.first, second.repairs.emptySegments]).toEqual([true, 3, 1]);
  disk.kill();

  expect([...spoolOf(attempt(machine)).notes]).toEqual([['source', '3']]);
});

test('a spool that was begun on another machine is refused, and one of a machine without a name is not', () => {
  const machine = makeDisk(1);
  keep(spoolOf(attempt(machine, 'aa')), machine.run, 1);
  machine.disk.kill();

  expect(attempt(machine, 'bb')).toEqual({ kind: 'copied' });
  expect(spoolOf(attempt(machine, '')).end).toBe(1);
});

test('events that are missing and not known to be stored are damage, and those that are stored are not', () => {
  const machine = makeDisk(1);
  const { disk, run } = machine;
  keep(spoolOf(attempt(machine)), run, 3);
  disk.kill();
  for (const number of [3, 5]) {
    disk.open(`events-000000000000000${number}`, 'create', (opened) => {
      if (opened.ok) opened.value.close(() => undefined);
    });
  }
  run();
  expect(attempt(machine)).toMatchObject({ kind: 'corrupt', corruption: { found: expect.stringContaining('2 events are missing') } });
});
