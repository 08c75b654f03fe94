import { sha256 } from '../base/sha256.ts';
import { toHex } from '../base/bytes.ts';
import { type Life, lifeIdBytes, noDisk } from '../base/life.ts';
import { failed, ok, type Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import { LogError } from '../eventlog/index.ts';
import type { BrokerAddress, DiskError, DiskLock, Host } from '../host/index.ts';
import {
  createIdentity,
  type Identity,
  type KnownPeers,
  noPeers,
  openVoteJournal,
  type OpenFailure,
  readPeers,
  startIdentity,
  type VoteJournal,
  writePeers,
} from '../storage/index.ts';

export const groupsPath = 'groups';
const votesPath = 'votes';
const lockPath = 'lock';

export interface OpenedData {
  readonly lock: DiskLock;
  readonly identity: Identity;
  /** This start, as peers will remember it. */
  readonly life: Life;
  readonly peers: KnownPeers;
  readonly journal: VoteJournal;
}

export interface OpeningOptions {
  readonly self: BrokerAddress;
  readonly brokers: readonly BrokerAddress[];
  readonly clusterId: string | null;
}

/** Opens what a data directory holds beside its logs: the lock, who it belongs to, who its peers were, the votes. On failure nothing stays locked. */
export function openData(host: Host, options: OpeningOptions, done: (result: Result<OpenedData, LogError>) => void): void {
  runTask(function* () {
    const locked = yield* wait<Result<DiskLock, DiskError>>((next) => host.disk.lock(lockPath, next));
    if (!locked.ok) return failed(lockError(locked.error));
    const opened = yield* openLocked(host, options);
    if (opened.ok) return ok({ ...opened.value, lock: locked.value });
    yield* wait<undefined>((next) => locked.value.release(() => next(undefined)));
    return opened;
  }, done);
}

function* openLocked(host: Host, options: OpeningOptions): Task<Result<Omit<OpenedData, 'lock'>, LogError>> {
  const clusterId = options.clusterId ?? derivedClusterId(host, options.brokers);
  const newDisk = host.disk.durable ? drawId(host) : noDisk;
  const lifeOf = ({ disk, incarnation }: Identity): Life => ({ disk, incarnation, nonce: drawId(host) });
  const started = yield* wait<Result<Identity | null, OpenFailure>>((next) => startIdentity(host, newDisk, next));
  if (!started.ok) return failed(openError('its identity', started.error));
  const identity = started.value;
  if (identity !== null) {
    const problem = misfit(identity, options, clusterId);
    if (problem !== null) return failed(new LogError('wrongIdentity', `Cannot open the data directory: ${problem}`));
    const journal = yield* wait<Result<VoteJournal, OpenFailure>>((next) =>
      openVoteJournal(host, { path: votesPath, mayCreate: false }, next),
    );
    if (!journal.ok) return failed(openError('its votes', journal.error));
    const peers = yield* wait<Result<KnownPeers, OpenFailure>>((next) => readPeers(host, next));
    if (!peers.ok) return failed(openError('what it knows of its peers', peers.error));
    return ok({ identity, life: lifeOf(identity), peers: peers.value, journal: journal.value });
  }

  const groups = yield* wait<Result<readonly string[], DiskError>>((next) => host.disk.list(groupsPath, next));
  if (groups.ok && groups.value.length > 0) {
    return failed(
      new LogError('wrongIdentity', 'Cannot open the data directory: it holds logs and no identity, so whose they are is not known'),
    );
  }
  // The votes and the peers first: an identity without them would mean that they were lost.
  const journal = yield* wait<Result<VoteJournal, OpenFailure>>((next) =>
    openVoteJournal(host, { path: votesPath, mayCreate: true }, next),
  );
  if (!journal.ok) return failed(openError('its votes', journal.error));
  const peers = yield* wait<Result<undefined, OpenFailure>>((next) => writePeers(host, noPeers, next));
  if (!peers.ok) return failed(openError('what it knows of its peers', peers.error));
  const fresh: Identity = { clusterId, brokerId: options.self.id, disk: newDisk, incarnation: firstIncarnation(host) };
  const created = yield* wait<Result<undefined, OpenFailure>>((next) => createIdentity(host, fresh, next));
  if (!created.ok) return failed(openError('its identity', created.error));
  return ok({ identity: fresh, life: lifeOf(fresh), peers: noPeers, journal: journal.value });
}

function misfit(identity: Identity, { self, clusterId: wanted }: OpeningOptions, clusterId: string): string | null {
  if (identity.brokerId !== self.id) return `it belongs to broker ${identity.brokerId}, not to broker ${self.id}`;
  // A derived id only names a fresh cluster: addresses may change later.
  if (wanted !== null && identity.clusterId !== clusterId) return `it belongs to cluster ${identity.clusterId}, not to ${clusterId}`;
  return null;
}

/** The same for all brokers of a cluster that is configured alike, whatever the order. */
function derivedClusterId(host: Host, brokers: readonly BrokerAddress[]): string {
  const lines = brokers.map((broker) => `${broker.id} ${broker.host}:${broker.port}`).sort();
  return toHex(sha256(host.bytes.utf8Encode(`cairn cluster\n${lines.join('\n')}`)).subarray(0, 16));
}

const drawId = (host: Host): string => toHex(host.random.bytes(lifeIdBytes));

/** Wall time at which the tenths of a second below start to count: 2025-01-01. */
const tenthsFromMs = 1_735_689_600_000;

/** On the disk in memory every start is the first; the clock tells them apart (design, D11). */
function firstIncarnation(host: Host): number {
  if (host.disk.durable) return 1;
  return Math.max(1, Math.min(0x7fff_ffff, Math.floor((host.clock.wallMs() - tenthsFromMs) / 100)));
}

function lockError(error: DiskError): LogError {
  if (error.code === 'locked') return new LogError('dataInUse', 'Cannot open the data directory: another broker uses it');
  return new LogError('dataUnusable', `Cannot lock the data directory: ${error.reason}`);
}

export function openError(what: string, failure: OpenFailure): LogError {
  if (failure.kind === 'corrupt') {
    const { path, position, expected, found } = failure.corruption;
    return new LogError('corruptData', `Cannot read ${what}: ${path} is damaged at ${position}, expected ${expected}, found ${found}`, {
      path,
      position,
    });
  }
  const { error } = failure;
  const code = error.code === 'failed' ? 'diskFailed' : 'dataUnusable';
  return new LogError(code, `Cannot open ${what}: ${error.operation} of ${error.path} failed: ${error.reason}`, { path: error.path });
}
