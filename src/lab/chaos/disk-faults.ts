import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { exitCodes } from '../../base/errors.ts';
import { pause, within } from '../rig/index.ts';
import type { Fault, Field } from './fault.ts';
import { injectIntoSystemCalls, setLimit } from './tools.ts';

/** libuv makes positioned writes of these two. */
const WRITES = 'pwrite64,pwritev';
const SYNCS = 'fdatasync,fsync';
/** Syncs of files and of folders at which a starting broker is killed in turn. */
const FILE_SYNCS = 60;
const FOLDER_SYNCS = 8;
const READS = 'pread64,preadv';

/** Disks that are slow, full or broken, by tampering with the system calls of a broker that runs, and limits of its process. */
export const diskFaults: readonly Fault[] = [
  {
    name: 'slow-disk',
    family: 'disk',
    tools: ['strace'],
    async inject(field) {
      const id = leaderMostly(field);
      const ms = field.random.pick([50, 300, 300, 2000]);
      const injection = await injectIntoSystemCalls(pidOf(field, id), `${SYNCS}:delay_enter=${ms}ms`);
      await pause(field.random.between(1500, 3500));
      await injection.end();
      return { brokers: [id], kills: 0, note: `+${ms} ms` };
    },
  },
  failing('fsync-eio', `${SYNCS}:error=EIO:when=1+`),
  failing('write-eio', `${WRITES}:error=EIO:when=1+`),
  {
    // A read that fails must never become an answer. Whether the broker goes on with it afterwards is not the question here: it is started afresh.
    name: 'read-eio',
    family: 'disk',
    tools: ['strace'],
    async inject(field) {
      const id = leaderMostly(field);
      const injection = await injectIntoSystemCalls(pidOf(field, id), `${READS}:error=EIO:when=1+`);
      const client = field.brokers.client([id], { timeoutMs: 2_000 });
      const request = {
        topic: field.topic,
        offsetFrom: 0,
        sinceMs: null,
        bytesMax: 65_536,
        freshness: 'local',
        sessionOffset: 0,
        waitMs: 0,
      } as const;
      const outcome = await within(3_000, client.read(request)).then(
        () => 'answered from memory',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      client.close();
      await injection.end();
      await field.brokers.kill(id, 'SIGKILL');
      return { brokers: [id], kills: 1, note: outcome };
    },
  },
  {
    // ENOSPC although the file has its blocks, as a thin disk does: on what is being written the process must end; while preparing it goes on.
    name: 'write-enospc',
    family: 'disk',
    tools: ['strace'],
    async inject(field) {
      const id = leaderMostly(field);
      const injection = await injectIntoSystemCalls(pidOf(field, id), `${WRITES}:error=ENOSPC:when=1+`);
      await endsWithin(field, id, 3_000);
      await injection.end();
      return { brokers: [id], kills: 0, exitCode: exitCodes.io };
    },
  },
  {
    // No space for any next segment: appends must be refused, and definitely, before what is there is used up; then it goes on.
    name: 'prepare-enospc',
    family: 'disk',
    tools: ['strace'],
    async inject(field) {
      const id = field.leader;
      const injection = await injectIntoSystemCalls(pidOf(field, id), 'openat:error=ENOSPC:when=1+', preparedFile(field, id));
      const { tried, refused } = await appendLarge(field, field.random.between(2000, 4000), [id]);
      await injection.end();
      return { brokers: [id], kills: 0, note: `${refused} of ${tried} large appends refused` };
    },
  },
  {
    // No file can grow beyond the largest: preparing the next segment is cut short in the middle of a write; a smaller one is possible.
    name: 'disk-full',
    family: 'disk',
    tools: ['prlimit'],
    async inject(field) {
      const id = leaderMostly(field);
      const limit = largestSegment(field, id);
      setLimit(pidOf(field, id), 'fsize', limit);
      const { tried, refused } = await appendLarge(field, field.random.between(2000, 4000), field.brokers.ids);
      if (field.brokers.isRunning(id)) setLimit(pidOf(field, id), 'fsize', null);
      return { brokers: [id], kills: 0, note: `files up to ${limit} bytes, ${refused} of ${tried} large appends refused` };
    },
  },
  {
    // The limit is within the file being written: a write is cut short there, and its rest fails.
    name: 'short-write',
    family: 'disk',
    tools: ['prlimit'],
    async inject(field) {
      const id = leaderMostly(field);
      const limit = Math.max(4096, Math.floor(largestSegment(field, id) * field.random.float()) + 13);
      setLimit(pidOf(field, id), 'fsize', limit);
      const ended = await endsWithin(field, id, 3_000);
      if (!ended) setLimit(pidOf(field, id), 'fsize', null);
      return { brokers: [id], kills: 0, note: ended ? 'ended' : 'not met' };
    },
  },
  {
    name: 'fd-exhaustion',
    family: 'limit',
    tools: ['prlimit'],
    async inject(field) {
      const id = leaderMostly(field);
      const pid = pidOf(field, id);
      setLimit(pid, 'nofile', readdirSync(`/proc/${pid}/fd`).length);
      const { hostname, port } = new URL(field.brokers.url(id));
      const leaked = Array.from({ length: 30 }, () => connect(Number(port), hostname).on('error', () => undefined));
      await pause(field.random.between(1500, 3000));
      for (const socket of leaked) socket.destroy();
      if (field.brokers.isRunning(id)) setLimit(pid, 'nofile', null);
      return { brokers: [id], kills: 0 };
    },
  },
  {
    // A broker that starts again is killed at one of its syncs, while it recovers or soon after: the first time at its first one, then at its second ...
    name: 'kill-at-fsync',
    family: 'kill',
    tools: ['strace'],
    async inject(field) {
      const id = leaderMostly(field);
      const step = field.index % (FILE_SYNCS + FOLDER_SYNCS);
      const [call, nth] = step < FILE_SYNCS ? ['fdatasync', step + 1] : ['fsync', step - FILE_SYNCS + 1];
      await field.brokers.kill(id, 'SIGKILL');
      field.startIn(id, killedAtSync(call, nth));
      const started = field.brokers.restart(id).catch(() => undefined);
      const ended = await endsWithin(field, id, 15_000);
      await Promise.race([started, field.brokers.exitOf(id)]);
      if (!ended) await field.brokers.kill(id, 'SIGKILL');
      field.startIn(id, null);
      return { brokers: [id], kills: 2, note: ended ? `${call} ${nth}` : `${call} ${nth} was not reached` };
    },
  },
];

/** strace counts the calls of each thread: one thread makes all of them. -D: strace is the grandchild, and the broker has its own number. */
const killedAtSync = (
  call: string,
  nth: number,
): { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> } => ({
  command: ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`],
  env: { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' },
});

function failing(name: string, inject: string): Fault {
  return {
    name,
    family: 'disk',
    tools: ['strace'],
    async inject(field) {
      const id = leaderMostly(field);
      const injection = await injectIntoSystemCalls(pidOf(field, id), inject);
      await endsWithin(field, id, 10_000);
      await injection.end();
      return { brokers: [id], kills: 0, exitCode: exitCodes.io };
    },
  };
}

const leaderMostly = (field: Field): number => (field.random.chance(0.6) ? field.leader : field.random.pick(field.followers));
const pidOf = (field: Field, id: number): number => field.brokers.pid(id) ?? 0;

function endsWithin(field: Field, id: number, ms: number): Promise<boolean> {
  return within(ms, field.brokers.exitOf(id)).then(
    () => true,
    () => false,
  );
}

const LARGE_BYTES = 60_000;
const LARGE_MS_MAX = 2_000;

/** So that segments are used up: appends beside the load, one after another. */
async function appendLarge(
  field: Field,
  forMs: number,
  ids: readonly number[],
): Promise<{ readonly tried: number; readonly refused: number }> {
  const client = field.brokers.client(ids);
  const untilMs = performance.now() + forMs;
  let tried = 0;
  let refused = 0;
  for (; performance.now() < untilMs; tried++) {
    const attempt = await field.load.probe(client, LARGE_BYTES, LARGE_MS_MAX);
    if (attempt.failure?.definite === true) refused++;
    await pause(30);
  }
  client.close();
  return { tried, refused };
}

const preparedFile = (field: Field, id: number): string => path.join(field.brokers.dataFolder(id), 'groups', 'log', 'prepared');

/** Bytes of the largest segment, as its blocks are prepared; also of one that is not begun yet. */
function largestSegment(field: Field, id: number): number {
  const data = field.brokers.dataFolder(id);
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.log') || name.endsWith('prepared'),
  );
  return Math.max(65_536, ...files.map((name) => statSync(path.join(data, name), { throwIfNoEntry: false })?.size ?? 0));
}
