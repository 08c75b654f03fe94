/**
 * The course's client, restated from contract 2: one thread that puts words on random servers, threads that crash random servers and recover them,
 * a wait, and one `/exit` after another. It runs over a `CourseWorld`, so the same code drives real servers over HTTP and, in a test, a perfect
 * server in simulated time, which shows that the restatement reaches exactly the contract's ceilings.
 *
 * What the course's client does not know to be wrong stays so: any answer counts as success, nothing is retried, a crash may hit a server that is
 * already crashed, and the crash threads go on until the last server has gone.
 */
import type { SeededRandom } from '../../base/random.ts';
import type { Scenario } from '../../sim/workloads/course-scenarios.ts';

export type FaultAction = 'crash' | 'recover' | 'exit';

/** Any answer in time; none; or nobody listens there, because the server has not started yet or has ended. */
export type PutOutcome = 'answered' | 'unanswered' | 'refused';

export interface CourseWorld {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  put(server: number, word: string): Promise<PutOutcome>;
  /** Waits as long as it takes; true if an answer came, false if the connection failed. */
  post(server: number, action: FaultAction): Promise<boolean>;
}

export interface PutAttempt {
  readonly word: string;
  readonly server: number;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly ok: boolean;
  /** Nobody listened at the server's port. */
  readonly refused: boolean;
  /** It was answered although the client believed the server crashed: another thread had recovered it. */
  readonly warned: boolean;
}

export interface FaultPost {
  readonly server: number;
  readonly action: FaultAction;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly ok: boolean;
}

export interface ClientHistory {
  readonly puts: readonly PutAttempt[];
  /** In the order in which they were answered. */
  readonly posts: readonly FaultPost[];
}

export interface ClientOptions {
  readonly scenario: Scenario;
  readonly serverCount: number;
  readonly random: SeededRandom;
  /** Divides every pause of the client; what belongs to the servers (timeouts) stays. */
  readonly speed: number;
  readonly onPut?: (put: PutAttempt) => void;
}

const FINAL_WAIT_S = 10;

export async function runCourseClient(world: CourseWorld, options: ClientOptions): Promise<ClientHistory> {
  const { scenario, serverCount, speed } = options;
  const puts: PutAttempt[] = [];
  const posts: FaultPost[] = [];
  /** By server: how many threads believe that they hold it crashed. */
  const holds = Array.from({ length: serverCount }, () => 0);
  let isOver = false;

  // Each thread draws from a generator of its own: what one does never depends on when another wakes.
  const threadRandoms = Array.from({ length: scenario.crashThreads(serverCount) }, () => options.random.fork());
  const random = options.random.fork();
  const nextWord = wordsWithoutRepeat(options.random.fork());
  const pause = (rangeS: readonly [number, number], from: SeededRandom): Promise<void> =>
    world.sleep((from.between(rangeS[0], rangeS[1]) * 1000) / speed);

  async function post(server: number, action: FaultAction): Promise<boolean> {
    const sentMs = world.nowMs();
    const ok = await world.post(server, action);
    posts.push({ server, action, sentMs, endedMs: world.nowMs(), ok });
    return ok;
  }

  async function crashThread(threadRandom: SeededRandom): Promise<void> {
    while (!isOver) {
      const server = threadRandom.below(serverCount);
      // A server that cannot be reached (it is starting, or has gone at the end) is neither crashed nor recovered.
      if (await post(server, 'crash')) {
        holds[server] = (holds[server] ?? 0) + 1;
        await pause(scenario.crashedS, threadRandom);
        await post(server, 'recover');
        holds[server] = (holds[server] ?? 0) - 1;
      }
      await pause(scenario.crashIntervalS, threadRandom);
    }
  }

  const threads = threadRandoms.map((each) => crashThread(each));
  for (let count = 0; count < scenario.entryCount; count++) {
    const server = random.below(serverCount);
    const word = nextWord();
    const sentMs = world.nowMs();
    const isHeld = (holds[server] ?? 0) > 0;
    const outcome = await world.put(server, word);
    const ok = outcome === 'answered';
    const put = { word, server, sentMs, endedMs: world.nowMs(), ok, refused: outcome === 'refused', warned: ok && isHeld };
    puts.push(put);
    options.onPut?.(put);
    await pause(scenario.logIntervalS, random);
  }
  await world.sleep((FINAL_WAIT_S * 1000) / speed);
  for (let server = 0; server < serverCount; server++) await post(server, 'exit');
  isOver = true;
  // They are in the middle of their pauses, which nobody waits for.
  void Promise.allSettled(threads);
  return { puts, posts: [...posts] };
}

const LATIN = ['lorem', 'ipsum', 'dolor', 'sit', 'amet', 'consectetur', 'adipiscing', 'elit', 'sed', 'eiusmod', 'tempor', 'labore'];

/** A Latin word with seven digits. The comparer works on sets, so a word that came twice would hide one of the two. */
function wordsWithoutRepeat(random: SeededRandom): () => string {
  const used = new Set<string>();
  return () => {
    for (;;) {
      const word = `${random.pick(LATIN)}${String(random.below(10_000_000)).padStart(7, '0')}`;
      if (used.has(word)) continue;
      used.add(word);
      return word;
    }
  };
}
