/** The reports of the contracts, as prose with figures in it. */
import type { Block } from '../../report/blocks.ts';
import type { Figures } from '../figures.ts';
import { clocks } from './clocks.ts';
import { collecting } from './collecting.ts';
import { oneLog } from './one-log.ts';
import { publishing } from './publishing.ts';
import { searching } from './searching.ts';

export interface Report {
  /** Also the name of its page in docs/reports. */
  readonly contract: number;
  readonly title: string;
  readonly blocks: (figures: Figures) => readonly Block[];
}

export const reports: readonly Report[] = [
  { contract: 1, title: 'Collecting events: how delay and bandwidth are measured', blocks: collecting },
  { contract: 2, title: 'One consistent log on several servers', blocks: oneLog },
  { contract: 3, title: 'Publish and subscribe on a hypercube of peers', blocks: publishing },
  { contract: 4, title: 'Asking all machines at once', blocks: searching },
  { contract: 5, title: 'Logical clocks of machines of different rates', blocks: clocks },
];
