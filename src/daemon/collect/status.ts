import fs from 'node:fs';
import path from 'node:path';
import { inspectSpool, type SpoolView } from '../../agent/index.ts';
import { escapeControls } from '../../base/escape.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { systemBytes } from '../../system/bytes.ts';
import { SystemDisk } from '../../system/disk.ts';
import type { Place } from '../../tail/index.ts';
import { notedFiles } from './follow.ts';

/** What a spool holds and where its files stand, for people, a fact a line. The agent may be running. */
export async function describeSpool(folder: string): Promise<string> {
  const view = await viewOf(folder);
  const { base, end, acknowledged } = view;
  const waiting = acknowledged === null ? '' : `, ${Math.max(0, end - Math.max(acknowledged, base))} not known to be stored`;
  const lines = [
    `node ${escapeControls(Buffer.from(view.name).toString())}, session ${view.session}`,
    `${end - base} events in this session${waiting}; ${view.bytes} bytes on the disk`,
    ...notedFiles(view.notes).flatMap(({ path: file, state: { current, late } }) => [
      current === null ? `${file}: waited for` : `${file}: ${describePlace(file, current)}`,
      ...late.map((place) => `  rotated, looked at for late lines: ${describePlace(file, place)}`),
    ]),
  ];
  return `${lines.map((line) => escapeControls(line)).join('\n')}\n`;
}

function viewOf(folder: string): Promise<SpoolView> {
  return new Promise((resolve, reject) => {
    const disk = new SystemDisk(path.resolve(folder));
    inspectSpool({ disk, bytes: systemBytes }, (result) => {
      if (result.ok && result.value !== null) return resolve(result.value);
      const reason = result.ok
        ? 'there is no spool'
        : result.error.kind === 'corrupt'
          ? `${result.error.corruption.path} is damaged`
          : result.error.error.reason;
      reject(new LogError('dataUnusable', `Cannot read the spool ${folder}: ${reason}`));
    });
  });
}

/** The name that the file has now, which may not be the one that is followed. */
function describePlace(file: string, { identity, offset }: Place): string {
  const folder = path.dirname(file);
  const names = [path.basename(file), ...listOf(folder)];
  for (const name of names) {
    const stats = fs.statSync(path.join(folder, name), { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || `${stats.dev}:${stats.ino}` !== identity) continue;
    const where = name === path.basename(file) ? '' : ` as ${name}`;
    return `read to byte ${offset} of ${stats.size}${where}`;
  }
  return `read to byte ${offset} of a file that is not there any more`;
}

function listOf(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
