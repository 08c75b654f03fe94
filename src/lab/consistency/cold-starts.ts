import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { percentile } from '../../base/percentile.ts';
import { Children } from '../rig/index.ts';
import type { Series } from '../../chart/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { getText } from './http-world.ts';
import { startServers } from './servers.ts';

export interface ColdStartsOptions {
  readonly starts: number;
  readonly folder: string;
  readonly onStart: (what: string, ms: number) => void;
}

interface Arrangement {
  readonly name: string;
  readonly serverCount: number;
  /** Node's compile cache is empty, as on a machine that has never run Cairn. */
  readonly isCacheCold: boolean;
}

const ARRANGEMENTS: readonly Arrangement[] = [
  { name: '5 servers', serverCount: 5, isCacheCold: false },
  { name: '5 servers, cold compile cache', serverCount: 5, isCacheCold: true },
  { name: '7 servers', serverCount: 7, isCacheCold: false },
  { name: '8 servers', serverCount: 8, isCacheCold: false },
];

/** The course's run.sh waits so long before its client begins. */
const TARGET_MS = 2000;
const GIVE_UP_MS = 30_000;
const POLL_MS = 20;

/** `cairn lab consistency --cold-starts N`: from starting all processes to the moment when each listens and knows a leader. */
export async function runColdStarts(options: ColdStartsOptions): Promise<LabResult> {
  const results: LabResult['results'][number][] = [];
  const checks = [];
  const series: Series[] = [];
  for (const arrangement of ARRANGEMENTS) {
    const times: number[] = [];
    for (let count = 0; count < options.starts; count++) {
      const ms = await measureStart(arrangement, path.resolve(options.folder, `${arrangement.serverCount}-servers`));
      times.push(ms);
      options.onStart(arrangement.name, ms);
    }
    series.push({ label: arrangement.name, marks: 'points', points: times.map((ms, index) => [index + 1, ms] as const) });
    times.sort((a, b) => a - b);
    const worst = times.at(-1) ?? 0;
    results.push({
      arrangement: arrangement.name,
      starts: times.length,
      'best ms': Math.round(times[0] ?? 0),
      'median ms': Math.round(percentile(times, 0.5)),
      'worst ms': Math.round(worst),
    });
    checks.push(check(`${arrangement.name}: worst start`, worst < TARGET_MS, `under ${TARGET_MS} ms`, `${Math.round(worst)} ms`));
  }
  return {
    lab: 'cold-starts',
    about:
      "How long servers take from exec, all at once, until each of them listens and knows a leader of the log: the course's run.sh waits 2 s before its client sends the first word.",
    settings: { starts: options.starts },
    results,
    graphs: [
      {
        name: 'starts',
        kind: 'chart',
        title: 'From exec to listening with a leader',
        xTitle: 'start',
        xScale: 'numbers',
        yTitle: 'time (ms)',
        series,
      },
    ],
    checks,
  };
}

async function measureStart(arrangement: Arrangement, folder: string): Promise<number> {
  const children = new Children();
  const cache = arrangement.isCacheCold ? mkdtempSync(path.join(tmpdir(), 'cairn-cold-')) : null;
  try {
    const servers = await startServers({
      children,
      folder,
      outputId: 'cold',
      serverCount: arrangement.serverCount,
      serverCommand: null,
      ...(cache === null ? {} : { env: { NODE_COMPILE_CACHE: cache } }),
    });
    await Promise.all(servers.ports.map((port) => waitUntilReady(port, servers.startedMs + GIVE_UP_MS)));
    return performance.now() - servers.startedMs;
  } finally {
    await children.end();
    if (cache !== null) rmSync(cache, { recursive: true, force: true });
  }
}

/** Asks the one connection at a time: a crowd of questions would slow the very start that is measured. */
async function waitUntilReady(port: number, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    if ((await getText(port, '/readyz', 1000)) !== null) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
