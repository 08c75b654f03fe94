import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import type { Children } from '../children.ts';
import { type ClientHistory, runCourseClient } from './client.ts';
import { compareLogs, putsLeftUnanswered, type Verdict } from './comparer.ts';
import { getJson, httpWorld } from './http-world.ts';
import type { Scenario } from './scenarios.ts';
import { startServers } from './servers.ts';

/** The course's run.sh waits so long between starting the servers and the client. */
const START_WAIT_MS = 2000;
const END_WAIT_MS = 10_000;

export interface RunOptions {
  readonly children: Children;
  readonly folder: string;
  readonly scenario: Scenario;
  readonly serverCount: number;
  readonly seed: number;
  readonly speed: number;
  readonly serverCommand: readonly string[] | null;
}

export interface RunResult {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly putsAnswered: number;
  readonly putsSent: number;
  readonly warnings: number;
  /** Puts that a running server left unanswered. */
  readonly unanswered: number;
  /** Terms that had a leader or a candidate, the first election included; null if no server told. */
  readonly elections: number | null;
  /** Longest time between two puts that were answered. */
  readonly gapMsMax: number;
  /** Longest time that an answered put took. */
  readonly answerMsMax: number;
  /** Servers that did not end by themselves, or with another code than 0, after `/exit`. */
  readonly badEnds: readonly string[];
}

/** One run of the course's test, from starting the servers to comparing what they left. */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const random = new SeededRandom(options.seed);
  const outputId = `s${options.scenario.id}-${options.seed}`;
  const servers = await startServers({ ...options, outputId, random: random.fork() });
  await new Promise((resolve) => setTimeout(resolve, START_WAIT_MS));

  let elections: number | null = null;
  const world = httpWorld(servers.ports);
  const history = await runCourseClient(world, {
    scenario: options.scenario,
    serverCount: options.serverCount,
    random: random.fork(),
    speed: options.speed,
    beforeExit: async () => {
      // A server of somebody else may take any question for an entry.
      if (options.serverCommand === null) elections = await readTerm(servers.ports);
    },
  });
  world.close();
  const ends = await servers.ends(END_WAIT_MS);
  const verdict = compareLogs({ history, logs: servers.readLogs() });

  const words = history.puts.filter((put) => put.ok).map((put) => put.word);
  mkdirSync(path.join(options.folder, 'output'), { recursive: true });
  writeFileSync(path.join(options.folder, 'output', `${outputId}-client.csv`), words.map((word) => `${word}\n`).join(''));
  writeFileSync(path.join(options.folder, 'history.json'), `${JSON.stringify({ ports: servers.ports, ...history, verdict }, null, 1)}\n`);

  const answered = history.puts.filter((put) => put.ok);
  return {
    seed: options.seed,
    verdict,
    putsAnswered: answered.length,
    putsSent: history.puts.length,
    warnings: history.puts.filter((put) => put.warned).length,
    unanswered: putsLeftUnanswered(history),
    elections,
    gapMsMax: longestGapMs(history),
    answerMsMax: Math.max(0, ...answered.map((put) => put.endedMs - put.sentMs)),
    badEnds: ends.flatMap((end, index) => {
      if (end === null) return [`server ${index} did not end after /exit`];
      return end.code === 0 ? [] : [`server ${index} ended with ${end.signal ?? `code ${String(end.code)}`}`];
    }),
  };
}

function longestGapMs(history: ClientHistory): number {
  const answered = history.puts.filter((put) => put.ok);
  return Math.max(0, ...answered.map((put, index) => put.endedMs - (answered[index - 1]?.endedMs ?? 0)));
}

async function readTerm(ports: readonly number[]): Promise<number | null> {
  const answers = await Promise.all(ports.map((port) => getJson(port, '/v1/status', 500)));
  const terms = answers.flatMap((answer) => {
    const partitions = (answer as { readonly partitions?: readonly { readonly topic: string; readonly term: number }[] } | null)
      ?.partitions;
    return partitions?.filter((partition) => partition.topic === 'log').map((partition) => partition.term) ?? [];
  });
  return terms.length === 0 ? null : Math.max(...terms);
}
