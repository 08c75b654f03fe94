// V6 liveness
import type { Cluster } from '../cluster.ts';
import { Findings } from './verdict.ts';

export const settleMsMax = 60_000;

/** Once the faults stop, everything that must happen happens; else it is a defect even if nothing was lost. */
export class Liveness {
  readonly findings = new Findings('V6');
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Lets time pass until it has happened. */
  waitFor(what: string, hasHappened: () => boolean): boolean {
    const cluster = this.#cluster;
    const untilMs = cluster.nowMs + settleMsMax;
    this.findings.checked++;
    while (!hasHappened()) {
      if (cluster.nowMs >= untilMs) {
        this.findings.violate(`not within ${settleMsMax / 1000} s after the faults stopped: ${what}`);
        return false;
      }
      cluster.world.scheduler.runUntil(cluster.nowMs + 50);
    }
    return true;
  }
}
