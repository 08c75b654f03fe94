import type { Host } from '../host/index.ts';

/** What storage needs of the machine. */
export type StorageHost = Pick<Host, 'disk' | 'bytes' | 'clock' | 'random' | 'logger'>;
