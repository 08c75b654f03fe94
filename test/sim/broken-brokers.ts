// Brokers that are wrong in one way each, to prove that the rig goes red, and which check it is that says so.
import { ok } from '../../src/base/result.ts';
import type { BrokerApi, BrokerOptions } from '../../src/broker/contract.ts';
import { Broker } from '../../src/broker/index.ts';
import { LogError, type BrokerService } from '../../src/eventlog/index.ts';
import type { Disk, DiskFile } from '../../src/host/index.ts';
import type { CheckId } from '../../src/sim/checkers/catalogue.ts';
import type { RunOptions } from '../../src/sim/run.ts';

export interface BrokenBroker {
  readonly defect: string;
  /** Each of these checks may be the one that finds it first. */
  readonly foundBy: readonly CheckId[];
  readonly options: Pick<RunOptions, 'makeBroker' | 'sabotageDisk'>;
  /** Where less than all faults on three brokers show it: what has lost its data for good is waited for in vain until the end of a run. */
  readonly shownBy?: Pick<RunOptions, 'brokers' | 'minutes' | 'faults'>;
}

const onePowerLoss = { brokers: 1, minutes: 0.1, faults: ['powerLoss'] } as const;

export const brokenBrokers: readonly BrokenBroker[] = [
  {
    defect: 'reports a log as written before it is synced',
    foundBy: ['ST1', 'ST4', 'L1', 'ST3'],
    shownBy: onePowerLoss,
    options: {
      sabotageDisk: (disk) =>
        withFiles(disk, (file) =>
          isVotes(file.path) ? file : { ...bound(file), sync: (done) => file.read(0, 0, () => done(ok(undefined))) },
        ),
    },
  },
  {
    defect: 'forgets its votes and terms in a crash',
    foundBy: ['ST1', 'ST4', 'R6', 'R1', 'ST3'],
    shownBy: onePowerLoss,
    options: {
      sabotageDisk: (disk) =>
        withFiles(disk, (file) => {
          if (!isVotes(file.path)) return file;
          // A record of changed votes says so in its sixth byte; the snapshot that each start writes is kept.
          const write: DiskFile['write'] = (position, chunks, done) =>
            chunks[0]?.[5] === 0 ? file.read(0, 0, () => done(ok(undefined))) : file.write(position, chunks, done);
          return { ...bound(file), write };
        }),
    },
  },
  {
    defect: 'acknowledges before the commit',
    foundBy: ['L1', 'L4'],
    options: {
      makeBroker: withService((broker) => ({
        append: (request, answer) =>
          broker.append({ ...request, level: 'leader' }, (outcome) =>
            answer(outcome.ok ? { ok: true, value: { ...outcome.value, level: request.level, committed: true } } : outcome),
          ),
      })),
    },
  },
  {
    defect: 'does not know a request id again',
    foundBy: ['L3'],
    options: {
      makeBroker: withService((broker) => ({
        append: (request, answer) => broker.append({ ...request, requestId: null, sequence: 0 }, answer),
      })),
    },
  },
  {
    defect: 'answers a linearizable end from what it happens to know',
    foundBy: ['L11'],
    options: {
      makeBroker: withService((broker) => ({
        end: ({ topic, freshness }, answer) =>
          broker.end({ topic, freshness: 'local' }, (outcome) =>
            answer(outcome.ok ? { ok: true, value: { ...outcome.value, freshness } } : outcome),
          ),
      })),
    },
  },
  {
    defect: 'says that it revoked and does not',
    foundBy: ['D7'],
    options: {
      makeBroker: withService((_broker, options) => ({
        revoke: (_topic, _requestId, answer) => options.host.clock.defer(() => answer({ ok: true, value: undefined })),
      })),
    },
  },
  {
    defect: 'skips records in reads',
    foundBy: ['L7'],
    options: {
      makeBroker: withService((broker) => ({
        read: (request, answer) =>
          broker.read(request, (outcome) =>
            answer(
              outcome.ok && outcome.value.batches.length > 3
                ? { ok: true, value: { ...outcome.value, batches: outcome.value.batches.slice(1) } }
                : outcome,
            ),
          ),
      })),
    },
  },
  {
    defect: 'calls a timeout definite',
    foundBy: ['L16'],
    options: {
      makeBroker: withService((broker) => ({
        append: (request, answer) =>
          broker.append(request, (outcome) =>
            answer(
              !outcome.ok && !outcome.error.definite
                ? { ok: false, error: new LogError('notAppendedInTime', outcome.error.message) }
                : outcome,
            ),
          ),
      })),
    },
  },
];

/** Its logs cannot be read to their end locally, so what a run left cannot be looked at. */
export const unreadable = withService((broker, { host }) => ({
  read: (request, answer) => {
    if (request.freshness !== 'local') broker.read(request, answer);
    else host.clock.defer(() => answer({ ok: false, error: new LogError('timeout', 'Cannot read: it was made so') }));
  },
}));

/** Says yes at once, and appends what it can afterwards. */
export const answeringAtOnce = withService((broker, { host }) => ({
  append: (request, answer) => {
    const { topic, level } = request;
    const value = {
      topic,
      partition: 0,
      offset: 0,
      count: 1,
      term: 1,
      level,
      ackedBy: [],
      committed: true,
      durable: false,
      duplicate: false,
      timestampMs: 0,
    } as const;
    host.clock.defer(() => answer({ ok: true, value }));
    broker.append({ ...request, timeoutMs: 200 }, () => undefined);
  },
}));

const isVotes = (path: string): boolean => path.includes('vote');

/** A file's calls as plain functions, so that some can be replaced. */
const bound = (file: DiskFile): DiskFile => ({
  path: file.path,
  get size() {
    return file.size;
  },
  status: (done) => file.status(done),
  write: (position, chunks, done) => file.write(position, chunks, done),
  read: (position, length, done) => file.read(position, length, done),
  sync: (done) => file.sync(done),
  truncate: (size, done) => file.truncate(size, done),
  close: (done) => file.close(done),
});

function withFiles(disk: Disk, change: (file: DiskFile) => DiskFile): Disk {
  return {
    durable: disk.durable,
    makeDirectory: (path, done) => disk.makeDirectory(path, done),
    list: (path, done) => disk.list(path, done),
    status: (path, done) => disk.status(path, done),
    open: (path, mode, done) => disk.open(path, mode, (result) => done(result.ok ? ok(change(result.value)) : result)),
    remove: (path, done) => disk.remove(path, done),
    rename: (from, to, done) => disk.rename(from, to, done),
    syncDirectory: (path, done) => disk.syncDirectory(path, done),
    lock: (path, done) => disk.lock(path, done),
  };
}

function withService(change: (broker: BrokerApi, options: BrokerOptions) => Partial<BrokerService>): (options: BrokerOptions) => BrokerApi {
  return (options) => {
    const broker = new Broker(options);
    const changed = change(broker, options);
    return new Proxy<BrokerApi>(broker, {
      get(target, key) {
        if (key in changed) return changed[key as keyof BrokerService];
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
}
