import { toHex } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';
import type { Bytes } from '../host/index.ts';

/**
 * Under which id the parts of a request are appended that was divided among the partitions that a topic had first (epoch 0), or after partitions were added
 * for the first, second, ... time: so that it is known how it was divided. Most topics never get more, and their ids are those that were given. The others
 * are hashes, which nobody gives by chance: `job#1` may well be a request of its own beside `job`.
 */
export const requestIdIn = (requestId: string, epoch: number, bytes: Bytes): string =>
  epoch === 0 ? requestId : `${toHex(sha256(bytes.utf8Encode(requestId)))}#${epoch}`;
