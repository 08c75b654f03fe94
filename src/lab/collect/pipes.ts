import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import path from 'node:path';

export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

let count = 0;

/**
 * A pipe between two children, as a shell makes it: what goes through does not come by this process, which would be one more to wake for each event.
 * Both ends are closed here once the children have them.
 */
export function makePipe(folder: string): Pipe {
  const name = path.join(folder, `pipe-${process.pid}-${++count}`);
  const { status, stderr } = spawnSync('mkfifo', [name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Cannot make a pipe at ${name}: ${stderr.trim()}`);
  // Either end alone would wait for the other to be opened.
  const both = openSync(name, constants.O_RDWR);
  const readEnd = openSync(name, constants.O_RDONLY);
  const writeEnd = openSync(name, constants.O_WRONLY);
  closeSync(both);
  unlinkSync(name);
  return { readEnd, writeEnd };
}
