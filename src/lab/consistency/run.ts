import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import type { Children } from '../rig/index.ts';
import { type ClientHistory, runCourseClient } from './client.ts';
import { compareLogs, putsLeftUnanswered, type Verdict } from './comparer.ts';
import { httpWorld } from './http-world.ts';
import type { Scenario } from '../../sim/workloads/course-scenarios.ts';
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
  /** Runs side by side do not start side by side: the course starts its servers on a machine that does nothing else. */
  readonly oneAtATime: <Value>(start: () => Promise<Value>) => Promise<Value>;
}

export interface RunResult {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly putsAnswered: number;
  readonly putsSent: number;
  readonly warnings: number;
  /** Puts that a running server left unanswered. */
  readonly unanswered: number;
  /** Puts to a server that did not listen: on a slow machine one that had not started after the course's 2 s. */
  readonly refused: number;
  /** Leaders elected, the first included; null if the servers are not ours. */
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
  const servers = await options.oneAtATime(async () => {
    const started = await startServers({ ...options, outputId, env: { CAIRN_LOG_LEVEL: 'info' } });
    await new Promise((resolve) => setTimeout(resolve, START_WAIT_MS));
    started.assertRunning();
    return started;
  });

  const world = httpWorld(servers.ports);
  const history = await runCourseClient(world, {
    scenario: options.scenario,
    serverCount: options.serverCount,
    random: random.fork(),
    speed: options.speed,
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
    refused: history.puts.filter((put) => put.refused).length,
    elections: options.serverCommand === null ? countElections(servers.readDiagnostics()) : null,
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

/** Terms that had a leader, by what the servers said on stderr; null for servers of somebody else. */
function countElections(diagnostics: readonly string[]): number {
  const terms = new Set<string>();
  for (const match of diagnostics.join('\n').matchAll(/^cairn: role .*"role":"leader","term":(\d+)/gm)) terms.add(match[1] ?? '');
  return terms.size;
}
