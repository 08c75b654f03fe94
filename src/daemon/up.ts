/** The cluster that `cairn up` keeps on this machine: its data directory, its ports, its configuration. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { brokerId } from '../base/branded.ts';
import { formatHostPort } from '../base/host-port.ts';
import { defaultSettings } from '../broker/settings.ts';
import { LogError } from '../eventlog/index.ts';
import { defaultHttpSettings } from '../gateway/http/settings.ts';
import type { DaemonConfig } from './config.ts';
import { makeFolder } from './make-folder.ts';
import { openToOthers } from './open-to-others.ts';
import { packageFolder } from '../system/package.ts';
import { folderReason } from './reasons.ts';

export interface UpOptions {
  readonly brokerCount: number;
  readonly data: string;
  readonly port: number;
  readonly faultInjection: boolean;
}

interface ClusterFile {
  readonly clusterId: string;
  /** Null until the cluster has had a leader: whatever was tried before that binds nobody. */
  readonly brokers: number | null;
}

/** Reads or makes the data directory, and gives the configuration of each broker. */
export function prepareCluster({ brokerCount, data, port, faultInjection }: UpOptions): readonly DaemonConfig[] {
  if (port + brokerCount - 1 > 65_535)
    throw new LogError('usage', `Cannot start ${brokerCount} brokers from port ${port}: the last port is 65535`);
  const root = path.resolve(data);
  const { clusterId, brokers: count } = openClusterFile(root, data);
  if (count !== null && count !== brokerCount) {
    const message = `Cannot start ${brokerCount} brokers on ${data}: it holds a cluster of ${count}, say --brokers ${count} or name another directory with --data`;
    throw new LogError('invalidConfig', message);
  }
  const peerSecret = openPeerSecret(root, data);
  const brokers = Array.from({ length: brokerCount }, (_, vertex) => ({
    id: brokerId(vertex + 1),
    host: '127.0.0.1',
    port: port + vertex,
  }));
  return brokers.map((self) => ({
    role: 'broker',
    search: { name: formatHostPort(self), exposures: [], machines: [] },
    self,
    brokers,
    listen: { host: self.host, port: self.port },
    data: path.join(root, `broker-${self.id}`),
    clusterId,
    token: null,
    secretsShown: [],
    peerSecret,
    tls: null,
    isInsecure: false,
    faultInjection,
    extraHosts: [],
    tracing: { endpoint: null, sampleEvery: 0 },
    log: { level: 'info', file: outputFile(data, self.id) },
    settings: defaultSettings,
    http: defaultHttpSettings,
    lines: null,
    cs550: null,
    logOnly: false,
    exitFile: null,
    listenRetryMs: 0,
    closesWithAnswer: false,
  }));
}

export function outputFile(data: string, id: number): string {
  return path.resolve(data, `broker-${id}.log`);
}

/** Remembers how many they are. Called when the first of them has a leader: from then on they may have acknowledged something as a majority of so many. */
export function confirmCluster(data: string, brokerCount: number): void {
  const file = fileOf(path.resolve(data));
  const { clusterId, brokers } = readClusterFile(file);
  if (brokers === null) writeDurably(file, clusterText({ clusterId, brokers: brokerCount }));
}

const fileOf = (root: string): string => path.join(root, 'cluster.json');
const clusterText = (content: ClusterFile): string => `${JSON.stringify(content)}\n`;

/**
 * Another program on this machine can reach the brokers, and is none of them: they know one another by a secret that is in their folder. A folder from before
 * gets one at its next start, and so does one whose secret others could read.
 */
function openPeerSecret(root: string, shown: string): string {
  const file = path.join(root, 'peer-secret');
  try {
    const made = randomBytes(32).toString('hex');
    // Somebody else may begin with the folder at the same time: the first one counts.
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) createDurably(file, `${made}\n`);
    const found = lstatSync(file);
    const secret = found.isFile() && (found.mode & 0o077) === 0 ? readFileSync(file, 'utf8').trim() : '';
    if (/^[0-9a-f]{64}$/.test(secret)) return secret;
    writeDurably(file, `${made}\n`);
    return made;
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot use the data directory ${shown}: ${folderReason(error)}`, {}, { cause: error });
  }
}

/** `cluster.json` gives the fresh brokers one cluster id. */
function openClusterFile(root: string, shown: string): ClusterFile {
  const file = fileOf(root);
  try {
    makeFolder(root, 0o700);
    accessSync(root, constants.W_OK | constants.X_OK);
    // The secret of its brokers is in it: who can put another one in its place can pass for a broker.
    if (openToOthers(root) === 'write')
      throw new LogError(
        'dataUnusable',
        `Cannot use the data directory ${shown}: everybody on this machine can change it, chmod o-w ${shown}`,
      );
    // Whether it is there is asked by making it: several processes may begin with one folder at once.
    createDurably(file, clusterText({ clusterId: randomBytes(16).toString('hex'), brokers: null }));
    return readClusterFile(file);
  } catch (error) {
    if (error instanceof LogError) throw error;
    throw new LogError('dataUnusable', `Cannot use the data directory ${shown}: ${folderReason(error)}`, {}, { cause: error });
  }
}

function readClusterFile(file: string): ClusterFile {
  try {
    const { clusterId, brokers } = JSON.parse(readFileSync(file, 'utf8')) as Partial<ClusterFile>;
    if (typeof clusterId === 'string' && /^[0-9a-f]{32}$/.test(clusterId) && (brokers === null || Number.isInteger(brokers))) {
      return { clusterId, brokers: brokers as number | null };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new LogError('dataUnusable', `Cannot use ${file}: it is damaged, name another directory with --data`);
}

/** Leaves one that is there as it is. */
function createDurably(file: string, text: string): void {
  const temporary = writeBeside(file, text);
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
  syncFolder(path.dirname(file));
}

function writeDurably(file: string, text: string): void {
  renameSync(writeBeside(file, text), file);
  syncFolder(path.dirname(file));
}

/** Gives the name of the file that has the text. */
function writeBeside(file: string, text: string): string {
  const temporary = `${file}.${process.pid}.new`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    // Whoever made a file of that name before may have let others read it.
    fchmodSync(descriptor, 0o600);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** A file that exists on this machine and is worth appending: the largest log that can be read, else our own lock file. */
export function exampleFile(folder = '/var/log'): string {
  let best = { file: path.join(packageFolder, 'package-lock.json'), size: 0 };
  for (const name of listNames(folder)) {
    const file = path.join(folder, name);
    if (!name.endsWith('.log')) continue;
    try {
      accessSync(file, constants.R_OK);
      const { size } = statSync(file);
      if (size > best.size) best = { file, size };
    } catch {
      // Not ours to read, or gone meanwhile.
    }
  }
  return best.file;
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
