import type { Command } from 'commander';
import type { CliIo } from './io.ts';
import { chaos } from './labs/chaos.ts';
import { clocks } from './labs/clocks.ts';
import { collect } from './labs/collect.ts';
import { consistency } from './labs/consistency.ts';
import { grep } from './labs/grep.ts';
import { idle } from './labs/idle.ts';
import { kills } from './labs/kills.ts';
import { addLab } from './labs/lab-command.ts';
import { placement } from './labs/placement.ts';
import { powerLoss } from './labs/power-loss.ts';
import { pubsub } from './labs/pubsub.ts';
import { addReport } from './labs/report.ts';
import { restarts } from './labs/restarts.ts';

/** One file for each lab in `labs/`; what they share is in `labs/lab-command.ts`. */
export function define(command: Command, io: CliIo): void {
  addLab(command, io, consistency);
  addLab(command, io, kills);
  addLab(command, io, restarts);
  addLab(command, io, chaos);
  addLab(command, io, powerLoss);
  addLab(command, io, collect);
  addLab(command, io, clocks);
  addLab(command, io, grep);
  addLab(command, io, placement);
  addLab(command, io, pubsub);
  addLab(command, io, idle);
  addReport(command, io);
}
