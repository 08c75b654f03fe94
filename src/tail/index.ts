/**
 * A file that others write, read as it grows: `FileFollower` gives its bytes in order, once, through rotation. Free of the machine: over `host/`'s
 * disk, as far as it only reads, and clock. It leaves out lines, which `ingest/line-splitter.ts` finds, and what is done with them.
 */
export { FileFollower, type FollowOptions, isRotationOf } from './file-follower.ts';
