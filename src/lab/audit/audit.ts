import { createReadStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { countDamage, findLeader, type LabBrokers, type LoadedRun, pause, runUnderLoad } from '../rig/index.ts';
import { type AuditFigures, AuditJudge } from './judge.ts';
import { TraceReader } from './system-calls.ts';

export interface AuditOptions {
  readonly folder: string;
  /** How long clients append before and after each change of leader. */
  readonly seconds: number;
  /** Times that the leader is killed. */
  readonly kills: number;
  readonly workers: number;
  /** For tests: what brokers are started with besides, such as a hook that skips a sync. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The long strings of a whole record batch; longer writes are only zeros that prepare a file. */
const STRING_BYTES_MAX = 4 * 1024 * 1024;
const CALLS = 'write,writev,pwrite64,pwritev,fdatasync,fsync';

/** Traces the system calls of real brokers while clients append and leaders die, and holds what they sent against what they had synced. */
export async function runAudit(options: AuditOptions): Promise<AuditFigures> {
  mkdirSync(options.folder, { recursive: true });
  const lives: { readonly broker: number; readonly file: string }[] = [];
  const surroundings = (broker: number): { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> } => {
    const file = path.join(options.folder, `broker-${broker}-life-${lives.length + 1}.trace`);
    lives.push({ broker, file });
    const format = ['-f', '-qq', '-ttt', '-T', '-yy', '-xx', '--seccomp-bpf', '-s', String(STRING_BYTES_MAX)];
    return {
      command: ['strace', '-D', ...format, '-o', file, '-e', 'signal=none', '-e', `trace=${CALLS}`],
      // With io_uring a sync would be no system call of its own.
      env: { UV_USE_IO_URING: '0', ...options.env },
    };
  };
  const set = { brokers: { count: 3, surroundings }, workers: options.workers, folder: options.folder };
  const { value: judge, damage } = await runUnderLoad(set, async (run) => {
    for (let kill = 0; kill < options.kills; kill++) {
      await pause(options.seconds * 1000);
      await replaceLeader(run);
    }
    await pause(options.seconds * 1000);
    return new AuditJudge(await groupsOf(run), portsOf(run.brokers));
  });
  for (const { broker, file } of lives) await readTrace(file, judge.life(broker));
  const figures = judge.figures();
  const wrong = countDamage(damage);
  if (wrong === 0) return figures;
  return { ...figures, violationCount: figures.violationCount + wrong, violations: [...damage.examples, ...figures.violations] };
}

async function replaceLeader({ brokers, topic, load }: LoadedRun): Promise<void> {
  const leader = await findLeader(brokers, topic);
  const recovered = load.acknowledgedAfter(performance.now());
  await brokers.kill(leader, 'SIGKILL');
  await recovered;
  await brokers.restart(leader);
}

async function groupsOf({ brokers, topic }: LoadedRun): Promise<ReadonlyMap<string, number>> {
  const client = brokers.client();
  const { group } = await client.describeTopic(topic);
  client.close();
  return new Map([[topic, group]]);
}

const portsOf = (brokers: LabBrokers): ReadonlyMap<number, number> =>
  new Map(brokers.ids.map((id) => [Number(new URL(brokers.url(id)).port), id]));

async function readTrace(file: string, take: ReturnType<AuditJudge['life']>): Promise<void> {
  const reader = new TraceReader();
  for await (const line of createInterface({ input: createReadStream(file, 'latin1'), crlfDelay: Number.POSITIVE_INFINITY })) {
    for (const event of reader.read(line)) take(event);
  }
}
