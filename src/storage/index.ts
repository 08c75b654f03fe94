/**
 * What a broker keeps on disk, over `host.Disk` and without promises: `openGroupLog` (one segmented log a group, `segment-format.ts` has the format
 * and the recovery rule), `removeGroupLog`, `readGroupIdentity` (whose log a folder holds), `openVoteJournal` (terms and votes of all groups), `startIdentity` / `createIdentity`, `readPeers` / `writePeers`, the disk in memory, and `scanRange` (searching a
 * range in the files, `SegmentScanner`). What they
 * promise stands in `contract.ts`. It leaves out what records mean, and replication.
 */
export type {
  GroupLog,
  GroupLogOptions,
  GroupVote,
  Identity,
  LogWrite,
  OpenedLog,
  OpenFailure,
  ReadFailure,
  SealedPart,
  SegmentPart,
  StateCheckpoint,
  VoteJournal,
} from './contract.ts';
export { describeFailure } from './describe-failure.ts';
export { type GroupIdentity, type GroupMembers, readGroupIdentity, writeGroupIdentity } from './group-identity.ts';
export { openGroupLog } from './group-log.ts';
export type { StorageHost } from './host.ts';
export { createIdentity, readIdentity, startIdentity } from './identity.ts';
export { GramFilter } from './gram-filter.ts';
export { filtersInMemory, inlineScanner } from './inline-scanner.ts';
export { MemoryDisk } from './memory-disk.ts';
export { type KnownPeers, noPeers, readPeers, writePeers } from './peers.ts';
export {
  type FilterStore,
  type FoundChunk,
  type MissingRange,
  type RangeScan,
  type RangeScanned,
  scanRange,
  type SegmentScanner,
} from './range-scan.ts';
export { removedName, removeGroupLog } from './removal.ts';
export { openVoteJournal } from './vote-journal.ts';
