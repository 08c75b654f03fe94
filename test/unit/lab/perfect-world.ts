import { runCourseClient } from '../../../src/lab/consistency/client.ts';
import type { ClientHistory, ClientOptions, CourseWorld, FaultAction } from '../../../src/lab/consistency/client.ts';
import { compareLogs, type Verdict } from '../../../src/lab/consistency/comparer.ts';

/** Without them the whole seconds of the client's threads would keep meeting in the very same instant. */
const PUT_MS = 4;
const POST_MS = 5;

/**
 * A log server without delays and defects, in simulated time: a put on a server that is up is at once in the log of every server that is up; a
 * crashed one gets what it missed when it recovers.
 */
export async function runPerfectly(options: ClientOptions): Promise<{ readonly history: ClientHistory; readonly verdict: Verdict }> {
  let nowMs = 0;
  const sleepers: { readonly atMs: number; readonly order: number; readonly wake: () => void }[] = [];
  let order = 0;
  const committed: string[] = [];
  const servers = Array.from({ length: options.serverCount }, () => ({
    isCrashed: false,
    length: 0,
    log: null as readonly string[] | null,
  }));

  const sleep = (ms: number): Promise<void> => new Promise((wake) => sleepers.push({ atMs: nowMs + ms, order: order++, wake }));
  const world: CourseWorld = {
    nowMs: () => nowMs,
    sleep,
    put: async (index, word) => {
      await sleep(PUT_MS / 2);
      const server = servers[index];
      if (server === undefined || server.isCrashed || server.log !== null) return 'unanswered';
      committed.push(word);
      for (const each of servers) if (!each.isCrashed) each.length = committed.length;
      return 'answered';
    },
    post: async (index, action: FaultAction) => {
      await sleep(POST_MS / 2);
      const server = servers[index];
      if (server === undefined || server.log !== null) return false;
      if (action === 'crash') server.isCrashed = true;
      if (action === 'recover') {
        server.isCrashed = false;
        server.length = committed.length;
      }
      if (action === 'exit') server.log = committed.slice(0, server.length);
      return true;
    },
  };

  let history: ClientHistory | null = null;
  const done = runCourseClient(world, options).then((result) => {
    history = result;
  });
  while (history === null) {
    // Everything that can go on without time passing goes on first.
    await new Promise((resolve) => setImmediate(resolve));
    sleepers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const next = sleepers.shift();
    if (next === undefined) break;
    nowMs = next.atMs;
    next.wake();
  }
  await done;
  if (history === null) throw new Error('the client did not end');
  return { history, verdict: compareLogs({ history, logs: servers.map((server) => server.log) }) };
}
