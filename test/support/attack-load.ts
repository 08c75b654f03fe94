// A thread that attacks brokers, or asks them for what is usual, so that whoever measures in the first thread is not held up by what it costs to ask.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../src/base/random.ts';
import { attacks, attackToken, endAttacks } from './attacks.ts';

/** @param pids of the brokers; their processor time counts, and this process's */
export interface LoadOf {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  /** At a time. */
  readonly attackersMax: number;
  /** The shortest pause of an attacker. */
  readonly pauseMsMin: number;
}

/** What the thread is told: to attack for so long, or to take so much processor time in so long by asking for what is harmless. */
export type LoadOrder = { readonly forMs: number } & ({ readonly kind: 'attack' } | { readonly kind: 'harmless'; readonly cpuMs: number });

/** What was done, by kind, and the processor time that all took. */
export interface LoadDone {
  readonly counts: Readonly<Record<string, number>>;
  readonly cpuMs: number;
}

const { ports, pids, attackersMax, pauseMsMin } = workerData as LoadOf;
const random = new SeededRandom(1);
/** Of the kinds, across turns. */
let next = 0;
const ticksMs = 10;

/** Of the brokers and of this process. */
function cpuMsOfAll(): number {
  const own = process.cpuUsage();
  let cpuMs = (own.user + own.system) / 1000;
  for (const pid of pids) {
    // Behind the name, which may hold anything: the state, then 10 more, then ticks in user mode and in the kernel.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    cpuMs += (Number(fields[11]) + Number(fields[12])) * ticksMs;
  }
  return cpuMs;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** So many at a time, each with the next kind, and a pause as long as the attack before it took. */
async function attack(untilMs: number, counts: Record<string, number>): Promise<void> {
  const kinds = Object.entries(attacks);
  await Promise.all(
    Array.from({ length: attackersMax }, async () => {
      while (performance.now() < untilMs) {
        const [name, run] = kinds[next++ % kinds.length] as (typeof kinds)[number];
        const beganMs = performance.now();
        await run(random.pick(ports), random);
        counts[name] = (counts[name] ?? 0) + 1;
        await pause(Math.max(pauseMsMin, performance.now() - beganMs));
      }
    }),
  );
  endAttacks();
}

const agent = new Agent({ keepAlive: true });
const harmless = {
  append: { method: 'POST', path: '/v1/topics/log/records', body: 'an ordinary line\n'.repeat(20) },
  read: { method: 'GET', path: '/v1/topics/log/records?max=100', body: '' },
  status: { method: 'GET', path: '/v1/status', body: '' },
} as const;

function ask(kind: keyof typeof harmless): Promise<void> {
  const { method, path, body } = harmless[kind];
  const headers = { authorization: `Bearer ${attackToken}`, 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port: random.pick(ports), method, path, agent, headers }, (response) => {
      response.resume();
      response.once('close', () => resolve());
    });
    asked.once('error', () => resolve());
    asked.end(body);
  });
}

/** Many small requests, spread over the time, until they have taken as much. */
async function askForUsual(untilMs: number, cpuMs: number, counts: Record<string, number>): Promise<void> {
  const beganMs = performance.now();
  const cpuBefore = cpuMsOfAll();
  const kinds = Object.keys(harmless) as (keyof typeof harmless)[];
  await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const kind = kinds[index % kinds.length] as keyof typeof harmless;
      while (performance.now() < untilMs) {
        const due = (cpuMs * (performance.now() - beganMs)) / (untilMs - beganMs);
        if (cpuMsOfAll() - cpuBefore > due) {
          await pause(5);
          continue;
        }
        for (let count = 0; count < 5; count++) await ask(kind);
        counts[kind] = (counts[kind] ?? 0) + 5;
      }
    }),
  );
}

async function obey(order: LoadOrder): Promise<LoadDone> {
  const counts: Record<string, number> = {};
  const cpuBefore = cpuMsOfAll();
  const untilMs = performance.now() + order.forMs;
  if (order.kind === 'attack') await attack(untilMs, counts);
  else await askForUsual(untilMs, order.cpuMs, counts);
  return { counts, cpuMs: cpuMsOfAll() - cpuBefore };
}

parentPort?.on('message', (order: LoadOrder) => void obey(order).then((done) => parentPort?.postMessage(done)));
