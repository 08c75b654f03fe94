/**
 * `cairn lab collect --kills`: nodes with spools follow growing files, a logger stores in a topic of three brokers, and node, logger and broker are
 * killed in turn. In the end the topic must hold what the files hold.
 */
import { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { appendFileSync, closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import { type Client, forEachRead } from '../../client/index.ts';
import { Children, LabBrokers } from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { packageFolder } from '../../system/package.ts';
import { findFreePort, untilListening } from './ports.ts';

export interface CollectKillsOptions {
  readonly kills: number;
  /** The logger stays dead for so long, once, half way. */
  readonly awaySeconds: number;
  readonly seed: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

const topic = 'collected';
const names = ['node1', 'node2'] as const;
const brokerCount = 3;
/** Lines are written in small bursts, so that a kill meets some that are under way. */
const writeEveryMs = 20;
const linesPerWriteMax = 40;
const pauseMs = [150, 900] as const;
const downMs = [0, 400] as const;
const settleMsMax = 90_000;

export async function runCollectKills(options: CollectKillsOptions): Promise<LabResult> {
  const { kills, awaySeconds, seed, folder, say } = options;
  const random = new SeededRandom(seed);
  const brokers = await LabBrokers.start({ count: brokerCount });
  const children = new Children();
  const client = brokers.client();
  try {
    const port = await findFreePort();
    const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
    const start = (args: readonly string[], output: string): ChildProcess => {
      const descriptor = openSync(path.join(folder, output), 'a');
      const stdio: SpawnOptions['stdio'] = ['ignore', descriptor, descriptor];
      const child = children.start(process.execPath, [cairn, ...args], { stdio });
      closeSync(descriptor);
      return child;
    };
    const startLogger = (): ChildProcess =>
      start(['logger', String(port), '--topic', topic, '--server', brokers.urls.join(','), '--no-timeline'], 'logger.output');
    const startNode = (name: string): ChildProcess =>
      start(
        [
          'node',
          name,
          '127.0.0.1',
          String(port),
          '--spool',
          path.join(folder, `spool-${name}`),
          '--tail',
          path.join(folder, `${name}.log`),
        ],
        `${name}.output`,
      );
    const pause = (range: readonly [number, number]): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, range[0] + random.float() * (range[1] - range[0])));

    for (const name of names) {
      // Of an earlier run into this folder: its lines are in another topic.
      rmSync(path.join(folder, `spool-${name}`), { recursive: true, force: true });
      writeFileSync(path.join(folder, `${name}.log`), '');
    }
    let logger = startLogger();
    await untilListening(port);
    const nodes = new Map(names.map((name) => [name as string, startNode(name)]));
    const writer = new Writer(folder, random.fork());
    const killed = { node: 0, logger: 0, broker: 0 };

    for (let kill = 0; kill < kills; kill++) {
      await pause(pauseMs);
      const what = (['node', 'logger', 'broker'] as const)[kill % 3] as 'node' | 'logger' | 'broker';
      killed[what]++;
      if (what === 'node') {
        const name = random.pick(names);
        await end(nodes.get(name) as ChildProcess, children);
        await pause(downMs);
        nodes.set(name, startNode(name));
      } else if (what === 'logger') {
        await end(logger, children);
        const isAway = awaySeconds > 0 && kill >= kills / 2 && kill < kills / 2 + 3;
        if (isAway) await new Promise((resolve) => setTimeout(resolve, awaySeconds * 1000));
        await pause(downMs);
        logger = startLogger();
      } else {
        const id = random.pick(brokers.ids);
        await brokers.kill(id);
        await pause(downMs);
        await brokers.restart(id);
      }
      say(`kill ${kill + 1} of ${kills}: ${what}; ${writer.count} lines written`);
    }
    writer.stop();
    const settledMs = await settle(client, writer.count);
    return await judge(options, client, writer, killed, settledMs);
  } finally {
    client.close();
    await children.end();
    await brokers.end();
  }
}

async function end(child: ChildProcess, children: Children): Promise<void> {
  const exit = children.exitOf(child);
  child.kill('SIGKILL');
  await exit;
}

/** Appends numbered lines to the files of the nodes. */
class Writer {
  readonly #counts = new Map<string, number>(names.map((name) => [name, 0]));
  readonly #timer: NodeJS.Timeout;

  constructor(folder: string, random: SeededRandom) {
    this.#timer = setInterval(() => {
      for (const name of names) {
        let text = '';
        const from = this.countOf(name);
        const to = from + random.below(linesPerWriteMax + 1);
        for (let i = from; i < to; i++) text += `${lineOf(i)}\n`;
        this.#counts.set(name, to);
        // Cut anywhere, as a program that writes through a buffer does.
        const at = random.below(text.length + 1);
        const file = path.join(folder, `${name}.log`);
        appendFileSync(file, text.slice(0, at));
        appendFileSync(file, text.slice(at));
      }
    }, writeEveryMs);
  }

  countOf(name: string): number {
    return this.#counts.get(name) as number;
  }

  get count(): number {
    return names.reduce((sum, name) => sum + this.countOf(name), 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const lineOf = (index: number): string => `${index}.25 event ${index}`;

/** Waits until the topic has so many records, or no more come. */
async function settle(client: Client, count: number): Promise<number> {
  const startedMs = performance.now();
  let last = -1;
  let changedMs = startedMs;
  for (;;) {
    const found = await countRecords(client);
    if (found !== last) changedMs = performance.now();
    last = found;
    // A while longer: what would come twice would come now.
    if ((found >= count && performance.now() - changedMs > 3_000) || performance.now() - changedMs > settleMsMax)
      return changedMs - startedMs;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function countRecords(client: Client): Promise<number> {
  let count = 0;
  await forEachLine(client, () => void count++);
  return count;
}

async function forEachLine(client: Client, visit: (name: string, line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const { offset: offsetTo } = await client.end({ topic, freshness: 'linearizable' });
  for (let offsetFrom = 0; offsetFrom < offsetTo; ) {
    const result = await client.read({
      topic,
      offsetFrom,
      sinceMs: null,
      bytesMax: 4 * 1024 * 1024,
      freshness: 'session',
      sessionOffset: offsetTo,
      waitMs: 0,
    });
    forEachRead(result, (record) => {
      visit(decoder.decode(record.key() ?? undefined), decoder.decode(record.value() ?? undefined));
    });
    offsetFrom = result.offsetNext;
  }
}

async function judge(
  { kills, awaySeconds, seed }: CollectKillsOptions,
  client: Client,
  writer: Writer,
  killed: { readonly node: number; readonly logger: number; readonly broker: number },
  settledMs: number,
): Promise<LabResult> {
  const found = { doubled: 0, reordered: 0, foreign: 0, stored: 0 };
  const seen = new Map(names.map((name) => [name as string, new Set<number>()]));
  const lastOf = new Map<string, number>();
  await forEachLine(client, (name, line) => {
    const index = Number(/^(\d+)\.25 event \d+$/.exec(line)?.[1] ?? Number.NaN);
    const those = seen.get(name);
    if (those === undefined || Number.isNaN(index) || lineOf(index) !== line) {
      found.foreign++;
      return;
    }
    found.stored++;
    if (those.has(index)) found.doubled++;
    those.add(index);
    if (index < (lastOf.get(name) ?? -1)) found.reordered++;
    lastOf.set(name, index);
  });
  const written = writer.count;
  const lost = names.reduce((sum, name) => sum + writer.countOf(name) - (seen.get(name)?.size ?? 0), 0);
  return {
    lab: 'collect-kills',
    about:
      'Two nodes with spools follow growing files, a logger stores their lines in a topic of three brokers; node, logger and broker are killed with SIGKILL in turn. Every line written must be in the topic, once and in order.',
    settings: { kills, awaySeconds, seed, nodes: names.length, brokers: brokerCount },
    results: [
      { what: 'kills', nodes: killed.node, loggers: killed.logger, brokers: killed.broker },
      { what: 'lines', written, stored: found.stored, 'settled after ms': Math.round(settledMs) },
    ],
    checks: [
      check('lines written', written > 0, '> 0', written),
      check('lines lost', lost === 0, 0, lost),
      check('lines doubled', found.doubled === 0, 0, found.doubled),
      check('lines out of order', found.reordered === 0, 0, found.reordered),
      check('records that are no line', found.foreign === 0, 0, found.foreign),
    ],
    graphs: [],
  };
}
