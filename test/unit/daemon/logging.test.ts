import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LogSink } from '../../../src/daemon/log-sink.ts';
import { openLogger } from '../../../src/daemon/logging.ts';
import { needsFullDevice } from '../../support/needs.ts';

/** A disk that takes `room` bytes, then none; and what it has taken. */
class SmallDisk {
  room: number;
  text = '';

  constructor(room: number) {
    this.room = room;
  }

  readonly write = (_descriptor: number, bytes: Uint8Array, from: number): number => {
    const part = bytes.subarray(from, from + this.room);
    if (part.length === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    this.text += Buffer.from(part).toString();
    this.room -= part.length;
    return part.length;
  };
}

describe('a line of diagnostics', () => {
  test('that the disk does not take is dropped and counted, and the next one stands on a line of its own', () => {
    const disk = new SmallDisk(10);
    const sink = new LogSink(null, disk.write);

    for (const line of ['whole\n', 'cut off\n', 'lost\n']) sink.write(line);
    disk.room = 1000;
    for (const line of ['again\n', 'more\n']) sink.write(line);

    expect(disk.text).toBe('whole\ncut \nagain\nmore\n');
    expect(sink.droppedCount).toBe(2);
  });

  test('that is written after some were lost is followed by their number', async () => {
    const disk = new SmallDisk(0);
    const logger = await openLogger('info', null, {}, new LogSink(null, disk.write));

    logger.log('info', 'lost');
    logger.log('error', 'lostToo');
    disk.room = 10_000;
    logger.log('info', 'first');
    logger.log('info', 'second');

    const lines = disk.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ event, count }) => [event, count])).toEqual([
      ['first', undefined],
      ['linesDropped', 2],
      ['second', undefined],
    ]);
    expect(logger.droppedCount).toBe(2);
  });

  test('goes to its file, whose folder is made', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-log-'));
    try {
      const file = path.join(folder, 'deep', 'broker.log');

      new LogSink(file).write('a line\n');

      expect(readFileSync(file, 'utf8')).toBe('a line\n');
      expect(() => new LogSink(path.join(file, 'below'))).toThrow(/^Cannot write the log file .*below: /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is lost on a full device', needsFullDevice, () => {
    const sink = new LogSink('/dev/full');

    sink.write('a line\n');

    expect(sink.droppedCount).toBe(1);
  });
});
