/**
 * `cairn lab collect`: a scenario of contract 1 end to end, every part a process of its own: generators, nodes, the logger. What it leaves is what a
 * course report needs: the timeline, the two graphs, what was printed.
 */
import { closeSync, createReadStream, openSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { readTimeline, summariseRun } from '../../timeline/index.ts';
import { bandwidthChart, delayChart } from '../../timeline/plot/index.ts';
import { Children } from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { packageFolder } from '../../system/package.ts';
import { makePipe } from './pipes.ts';
import { findFreePort, untilListening } from './ports.ts';

export interface CollectLabOptions {
  readonly nodes: number;
  /** Events a second from each node, on average. */
  readonly rate: number;
  readonly seconds: number;
  readonly folder: string;
}

/** What contract 1 calls its scenarios. */
export const collectPresets = {
  small: { nodes: 3, rate: 2, seconds: 100 },
  large: { nodes: 8, rate: 5, seconds: 100 },
} as const;

const medianMsMax = 1;
const p90MsMax = 2;

export async function runCollectLab({ nodes, rate, seconds, folder }: CollectLabOptions): Promise<LabResult> {
  const children = new Children();
  const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
  const port = await findFreePort();
  const timelineFile = path.join(folder, 'timeline.ndjson');
  const printedFile = path.join(folder, 'printed.txt');
  const scenario = `${nodes} nodes, ${rate} Hz each, ${seconds} s`;
  try {
    const printed = openSync(printedFile, 'w');
    const logger = children.start(process.execPath, [cairn, 'logger', String(port), '--timeline', timelineFile, '--scenario', scenario], {
      stdio: ['ignore', printed, 'inherit'],
    });
    closeSync(printed);
    await untilListening(port);

    const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
    // generator | tee | node: what was sent is known afterwards, and this process has no part in it.
    const pairs = names.map((name) => {
      const [generated, sent] = [makePipe(folder), makePipe(folder)];
      const node = children.start(process.execPath, [cairn, 'node', name, '127.0.0.1', String(port)], {
        stdio: [sent.readEnd, 'inherit', 'inherit'],
      });
      children.start('tee', [path.join(folder, `${name}.txt`)], { stdio: [generated.readEnd, sent.writeEnd, 'inherit'] });
      const generator = children.start(process.execPath, [cairn, 'generate', String(rate)], {
        stdio: ['ignore', generated.writeEnd, 'inherit'],
      });
      for (const { readEnd, writeEnd } of [generated, sent]) [readEnd, writeEnd].forEach((end) => closeSync(end));
      return { node, generator };
    });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    for (const { generator } of pairs) generator.kill('SIGTERM');
    const exits = await Promise.all(pairs.map(({ node }) => children.exitOf(node)));
    logger.kill('SIGTERM');
    await children.exitOf(logger);
    return await judge({ nodes, rate, seconds, folder }, { names, exits, timelineFile, printedFile, scenario });
  } finally {
    await children.end();
  }
}

interface Evidence {
  readonly names: readonly string[];
  readonly exits: readonly { readonly code: number | null }[];
  readonly timelineFile: string;
  readonly printedFile: string;
  readonly scenario: string;
}

async function judge(options: CollectLabOptions, { names, exits, timelineFile, printedFile, scenario }: Evidence): Promise<LabResult> {
  const { nodes, rate, seconds, folder } = options;
  const run = readTimeline(timelineFile).at(-1);
  if (run === undefined) throw new Error('readTimeline gives at least one run');
  const { total, nodes: byNode } = summariseRun(run);

  const printed = await linesByNode(printedFile);
  let missing = 0;
  let sentLines = 0;
  let sentBytes = 0;
  for (const name of names) {
    const file = path.join(folder, `${name}.txt`);
    const sent = readFileSync(file, 'latin1').split('\n').slice(0, -1);
    const got = printed.get(name) ?? [];
    missing += sent.filter((line, index) => got[index] !== line.replace(' ', ` ${name} `)).length + Math.max(0, got.length - sent.length);
    sentLines += sent.length;
    // The name and its newline are bytes too.
    sentBytes += statSync(file).size + name.length + 1;
  }
  const badExits = exits.filter(({ code }) => code !== 0).length;
  // The connection that looked whether the logger listens has sent none.
  return {
    lab: 'collect',
    about: `Contract 1 on one machine: ${scenario}. Generators, nodes and the logger are processes of their own. Delays are from the generator's time stamp to just before the line is printed.`,
    settings: { nodes, rate, seconds },
    results: [total, ...byNode].map((each) => ({
      node: each.name,
      events: each.events,
      kbps: Math.round((each.bytes * 8) / 10 / seconds) / 100,
      'min ms': each.minMs,
      'median ms': each.medianMs,
      'p90 ms': each.p90Ms,
      'max ms': each.maxMs,
      negative: each.negative,
    })),
    checks: [
      check('events printed that were not sent so, or not printed, in order', missing === 0, 0, missing),
      check('events in the timeline', total.events === sentLines, sentLines, total.events),
      check("sum of the timeline's bytes", total.bytes === sentBytes, sentBytes, total.bytes),
      check('nodes that did not end with 0', badExits === 0, 0, badExits),
      check("middle of the seconds' medians, ms", (total.medianMs ?? 0) <= medianMsMax, `<= ${medianMsMax}`, total.medianMs),
      check("middle of the seconds' 90th percentiles, ms", (total.p90Ms ?? 0) <= p90MsMax, `<= ${p90MsMax}`, total.p90Ms),
    ],
    graphs: [
      { name: 'collect-bandwidth', ...bandwidthChart(run) },
      { name: 'collect-delay', ...delayChart(run) },
    ],
  };
}

/** Event lines as they were printed, by the name in their second field. */
async function linesByNode(file: string): Promise<Map<string, string[]>> {
  const byNode = new Map<string, string[]>();
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) {
    const name = line.split(' ', 2)[1] ?? '';
    if (name === '-') continue;
    const lines = byNode.get(name);
    if (lines === undefined) byNode.set(name, [line]);
    else lines.push(line);
  }
  return byNode;
}
