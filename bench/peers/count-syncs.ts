/** Counts the syncs of processes from outside, for a sample: what a program says about itself can be wrong, or it says nothing. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause } from '../../src/lab/rig/index.ts';
import { findProgram } from './processes.ts';

export interface SyncSample<Value> {
  readonly value: Value;
  readonly syncs: number;
}

const attachMsMax = 5_000;

/** Null when strace is not installed or may not attach. `body` runs slower than it would without. */
export async function countSyncsOutside<Value>(pids: readonly number[], body: () => Promise<Value>): Promise<SyncSample<Value> | null> {
  const strace = findProgram('strace');
  if (strace === null) return null;
  const args = ['-f', '-qq', '-e', 'trace=fsync,fdatasync,msync,sync_file_range,syncfs,sync', '-e', 'signal=none'];
  const child = spawn(strace, [...args, ...pids.flatMap((pid) => ['-p', String(pid)])], { stdio: ['ignore', 'ignore', 'pipe'] });
  let syncs = 0;
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    // A call that another thread's interrupts is printed in two parts: the first of them counts.
    for (const line of lines) if (/\b(fsync|fdatasync|msync|sync_file_range|syncfs|sync)\(/.test(line)) syncs++;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  const attached = await Promise.race([waitAttached(pids), ended.then(() => false)]);
  if (!attached) {
    child.kill('SIGKILL');
    return null;
  }
  try {
    const before = syncs;
    const value = await body();
    return { value, syncs: syncs - before };
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

/** proc(5): each process says who traces it. */
async function waitAttached(pids: readonly number[]): Promise<boolean> {
  const isTraced = (pid: number): boolean => !readFileSync(`/proc/${pid}/status`, 'utf8').includes('TracerPid:\t0\n');
  for (const untilMs = performance.now() + attachMsMax; performance.now() < untilMs; await pause(20)) if (pids.every(isTraced)) return true;
  return false;
}
