// V6 liveness
import type { Cluster } from '../cluster.ts';
import { Findings } from './verdict.ts';

export const settleMsMax = 60_000;
const waitMsOnceWrong = 1000;

/** Once the faults stop, everything that must happen happens; else it is a defect even if nothing was lost. */
export class Liveness {
  readonly findings = new Findings('V6');
  readonly #cluster: Cluster;
  #waitMsMax = settleMsMax;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Lets time pass until it has happened; `moreMs` is what its own steps may take beside the healing. In a run that is wrong already nothing else is waited for
   * as long.
   */
  waitFor(what: string, hasHappened: () => boolean, moreMs = 0): boolean {
    const cluster = this.#cluster;
    const waitMsMax = this.#waitMsMax === settleMsMax ? settleMsMax + moreMs : this.#waitMsMax;
    const untilMs = cluster.nowMs + waitMsMax;
    this.findings.checked++;
    while (!hasHappened()) {
      if (cluster.nowMs >= untilMs) {
        this.findings.violate(`not within ${Math.round(waitMsMax / 1000)} s after the faults stopped: ${what}`);
        this.#waitMsMax = waitMsOnceWrong;
        return false;
      }
      cluster.world.scheduler.runUntil(cluster.nowMs + 50);
    }
    return true;
  }
}
