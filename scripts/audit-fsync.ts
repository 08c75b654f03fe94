// `npm run audit:fsync [-- --seconds N --kills N --keep DIR --json]`: traces the system calls of three brokers while clients append and leaders die, and checks
// from the trace that every acknowledgement and every vote was preceded by a completed sync that covers it.
//
// Exit codes: 0 nothing was sent too early, 1 something was, or nothing was seen, 2 wrong options, 69 strace cannot trace here.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runAudit } from '../src/lab/audit/index.ts';

const USAGE = `Usage: npm run audit:fsync -- [options]

Traces three real brokers (strace) while clients append and leaders are killed, and checks from the trace that every acknowledgement to a
client, every acknowledgement of a follower to its leader, and every vote was preceded by a completed sync that covers it.

  --seconds N   how long clients append before and after each kill (default 3)
  --kills N     times that the leader is killed (default 2)
  --keep DIR    keep the traces there
  --json        print the figures as JSON
  --help        print this

Exit codes: 0 nothing was sent too early, 1 something was or nothing was seen, 2 wrong options, 69 strace cannot trace here
`;

const options = readOptions();
if (spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status !== 0) {
  console.error('Cannot audit: strace is not installed, or nobody may trace here');
  process.exit(69);
}
const folder = options.keep ?? mkdtempSync(path.join(tmpdir(), 'cairn-audit-'));
const startedMs = performance.now();
try {
  const figures = await runAudit({ folder, seconds: options.seconds, kills: options.kills, workers: 8 });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const perSync = figures.syncs === 0 ? 0 : Math.round((figures.records / figures.syncs) * 100) / 100;
  if (options.json) {
    console.log(JSON.stringify({ ...figures, recordsPerSync: perSync, seconds }));
  } else {
    console.log(`acknowledgements to clients    ${figures.answers}, of ${figures.records} records`);
    console.log(`acknowledgements to leaders    ${figures.acknowledgements}`);
    console.log(`votes and candidacies          ${figures.votes}`);
    console.log(`syncs of all brokers           ${figures.syncs}, ${perSync} acknowledged records for each`);
    console.log(`sent before it was synced      ${figures.violationCount}`);
    for (const violation of figures.violations) console.log(`  ${violation}`);
  }
  const isSeen = figures.answers > 0 && figures.acknowledgements > 0 && figures.votes > 0 && figures.syncs > 0;
  if (!isSeen) console.error('Cannot say that all is well: the trace holds no acknowledgements, votes or syncs');
  process.exitCode = isSeen && figures.violationCount === 0 ? 0 : 1;
} finally {
  if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

function readOptions(): { readonly seconds: number; readonly kills: number; readonly keep: string | undefined; readonly json: boolean } {
  const flags = {
    seconds: { type: 'string' },
    kills: { type: 'string' },
    keep: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ options: flags });
    if (values.help === true) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const seconds = Number(values.seconds ?? '3');
    const kills = Number(values.kills ?? '2');
    if (!(seconds > 0) || !Number.isInteger(kills) || kills < 0) throw new Error('--seconds is a positive number, --kills a count');
    return { seconds, kills, keep: values.keep, json: values.json === true };
  } catch (error) {
    console.error(`Cannot audit: ${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}
