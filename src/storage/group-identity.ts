/**
 * `identity` in a log's folder: whose log it is. A topic's group number names the folder; the topic's own id, never given twice, says whether what lies in
 * it is that topic's. So a folder is never served as another topic's, and a deletion never takes another topic's files. And who the group's members are, which
 * must be known before the catalog is. Text with a checksum:
 *
 *     cairn group 2
 *     group 5 topic 23 topicsMax 200
 *     voters 1,2,3 learners -
 *     crc32c 1c0f5e2a
 *
 * Written before the first record; a folder from before November 2026 is given one when its topic is first known. `topic` is 0 for the catalog and `log`.
 * `topicsMax` is the broker's setting at that time: what the commands in a catalog from before were judged by, which do not say it themselves. In version 1
 * there are no members: all brokers of the cluster vote.
 */
import type { BrokerId, GroupId } from '../base/branded.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { CorruptionFound, guard, hex, makeDurableDirectory, readWhole, replaceWhole } from './steps.ts';

export interface GroupIdentity {
  readonly group: GroupId;
  readonly topic: number;
  readonly topicsMax: number;
  /** Null from before they were written down: all brokers of the cluster vote. */
  readonly members: GroupMembers | null;
}

/** Ascending, and nobody is both. */
export interface GroupMembers {
  readonly voters: readonly BrokerId[];
  /** They have the log and do not vote. */
  readonly learners: readonly BrokerId[];
}

const fileName = 'identity';
const pathIn = (directory: string): string => `${directory}/${fileName}`;

/** Null where there is none: a new folder, or one from before. */
export function readGroupIdentity(
  host: StorageHost,
  directory: string,
  group: GroupId,
  done: (result: Result<GroupIdentity | null, OpenFailure>) => void,
): void {
  runTask(() => guard(load(host, directory, group)), done);
}

/** Makes the folder too; durable when it is done. */
export function writeGroupIdentity(
  host: StorageHost,
  directory: string,
  identity: GroupIdentity,
  done: (result: Result<undefined, OpenFailure>) => void,
): void {
  runTask(() => guard(store(host, directory, identity)), done);
}

function* store(host: StorageHost, directory: string, identity: GroupIdentity): Task<undefined> {
  yield* makeDurableDirectory(host.disk, directory);
  yield* replaceWhole(host.disk, pathIn(directory), encode(identity, host.bytes));
  return undefined;
}

function* load(host: StorageHost, directory: string, group: GroupId): Task<GroupIdentity | null> {
  const path = pathIn(directory);
  const stored = yield* readWhole(host.disk, path);
  if (stored === null) return null;
  const identity = decode(stored, host.bytes);
  const expected = `whose log this is, of group ${group}`;
  if (identity === null) throw new CorruptionFound({ path, position: 0, expected, found: 'other bytes' });
  if (identity.group !== group) throw new CorruptionFound({ path, position: 0, expected, found: `group ${identity.group}` });
  return identity;
}

function encode({ group, topic, topicsMax, members }: GroupIdentity, bytes: Bytes): Uint8Array {
  const whose = `group ${group} topic ${topic} topicsMax ${topicsMax}\n`;
  const text =
    members === null
      ? `cairn group 1\n${whose}`
      : `cairn group 2\n${whose}voters ${writeIds(members.voters)} learners ${writeIds(members.learners)}\n`;
  return bytes.utf8Encode(`${text}crc32c ${hex(bytes.crc32c(bytes.utf8Encode(text)))}\n`);
}

function decode(stored: Uint8Array, bytes: Bytes): GroupIdentity | null {
  const text = bytes.utf8Decode(stored);
  const match = /^group (\d{1,10}) topic (\d{1,16}) topicsMax (\d{1,16})$/m.exec(text);
  if (match === null) return null;
  const [, group, topic, topicsMax] = match;
  const identity = { group: Number(group) as GroupId, topic: Number(topic), topicsMax: Number(topicsMax), members: membersIn(text) };
  // Encoded again it must be the same text, first line and checksum included.
  return bytes.utf8Decode(encode(identity, bytes)) === text ? identity : null;
}

function membersIn(text: string): GroupMembers | null {
  const match = /^voters ([\d,]{1,999}) learners (-|[\d,]{1,999})$/m.exec(text);
  if (match === null) return null;
  const [, voters = '', learners = ''] = match;
  return { voters: readIds(voters), learners: readIds(learners) };
}

const writeIds = (ids: readonly BrokerId[]): string => (ids.length === 0 ? '-' : ids.join(','));
const readIds = (text: string): BrokerId[] => (text === '-' ? [] : text.split(',').map((id) => Number(id) as BrokerId));
