/** What a running process costs, from /proc: on Linux only. */
import { readFileSync } from 'node:fs';

/** proc(5): utime and stime are in clock ticks, 100 a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Processor time since its start, in user and system mode, of all its threads. */
export function readCpuMs(pid: number): number {
  // After "pid (name)" come state, parent, and so on: utime and stime are the 12th and 13th of these (proc(5), fields 14 and 15).
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1000;
}

/** What of it is in memory now. */
export function readMemoryBytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
