/**
 * Files that others write, read as they grow: `FileFollower` gives the bytes of one in order, once, through rotation, and says where it stands so that it
 * can go on there after a restart; `FileSet` follows all whose names match. Free of the machine: over `host/`'s disk, as far as it only reads, and clock. It
 * leaves out lines, which `ingest/line-splitter.ts` finds, and what is done with them.
 */
export type { FollowNews, FollowOptions, FollowState } from './contract.ts';
export { FileFollower } from './file-follower.ts';
export { type FollowedFile, FileSet, foldersMax, type Wanted } from './file-set.ts';
export type { KnownFile, Place } from './place.ts';
export { isRotationOf } from './rotation.ts';
