import { execFileSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Children, pause } from '../../src/lab/rig/index.ts';

/** Debian puts servers into folders that are not on everybody's PATH. */
const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/sbin'];

/** The file of an installed program, or null. */
export function findProgram(name: string): string | null {
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** The processes of a peer, with their data in a temporary folder on the disk that is measured. */
export class PeerProcesses {
  readonly folder: string;
  readonly #children = new Children();
  readonly #pids: number[] = [];

  constructor(name: string, parent: string) {
    this.folder = mkdtempSync(path.join(parent, `cairn-bench-${name}-`));
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  get pids(): readonly number[] {
    return this.#pids;
  }

  start(name: string, program: string, args: readonly string[]): void {
    const output = openSync(path.join(this.folder, `${name}.output`), 'a');
    const child = this.#children.start(program, args, { stdio: ['ignore', output, output] });
    closeSync(output);
    if (child.pid !== undefined) this.#pids.push(child.pid);
  }

  async end(): Promise<void> {
    await this.#children.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function versionOf(program: string, args: readonly string[]): string {
  return /\d+\.\d+\.\d+/.exec(execFileSync(program, args, { encoding: 'utf8' }))?.[0] ?? 'unknown';
}

/** Asks again until it answers something. */
export async function eventually<Value>(what: string, ask: () => Promise<Value | null>): Promise<Value> {
  let reason = 'it did not answer';
  for (const untilMs = performance.now() + 20_000; performance.now() < untilMs; await pause(100)) {
    try {
      const value = await ask();
      if (value !== null) return value;
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  throw new Error(`Cannot start ${what}: ${reason}`);
}
