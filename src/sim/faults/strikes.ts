/** What each fault does when it strikes, by name. */
import { damageStrikes } from './damage.ts';
import { diskStrikes } from './disk.ts';
import type { FaultName } from './names.ts';
import { networkStrikes } from './network.ts';
import { processStrikes } from './process.ts';
import { replacedDiskStrikes } from './replaced-disks.ts';
import type { Strike } from './schedule.ts';

export const strikes: Readonly<Record<FaultName, Strike>> = {
  ...processStrikes,
  ...networkStrikes,
  ...diskStrikes,
  ...damageStrikes,
  ...replacedDiskStrikes,
};
