// R24 ways along the cube
import type { BrokerId } from '../../base/branded.ts';
import { hopsTo, makeCube, unreachable } from '../../placement/index.ts';
import { Findings } from './verdict.ts';

/**
 * What a broker passes on, for others or of its own, goes over an edge of the cube to where it has not been, and over one by which it is a hop nearer, as
 * far as the broker can know: it reaches whom it has links to. A direct link is for where no edges lead on. So nothing goes round for ever.
 */
export class WaysAlongTheCube {
  readonly findings = new Findings('R24');
  readonly #brokers: number;

  constructor(brokers: number) {
    this.#brokers = brokers;
  }

  /** `hops`: where it has been, the broker that decides the last. Ids are 1, 2, 3, ... */
  passed(hops: readonly BrokerId[], next: BrokerId, to: BrokerId, isDirect: boolean, reaches: (broker: BrokerId) => boolean): void {
    this.findings.checked++;
    const here = hops.at(-1) as BrokerId;
    const said = `a message for broker ${to} that has been at ${hops.join(', ')} goes to broker ${next}`;
    if (hops.includes(next)) return this.findings.violate(`${said}, where it has been`);
    const cube = makeCube(this.#brokers);
    const isFree = (vertex: number): boolean => reaches((vertex + 1) as BrokerId) && !hops.includes((vertex + 1) as BrokerId);
    const left = hopsTo(cube, to - 1, isFree);
    const ways = (cube.neighbours[here - 1] ?? []).filter((vertex) => isFree(vertex) && left[vertex] !== unreachable);
    const fewest = Math.min(...ways.map((vertex) => left[vertex] as number));
    if (isDirect) {
      if (next !== to) this.findings.violate(`${said} by a direct link, which leads elsewhere`);
      if (ways.length > 0) this.findings.violate(`${said} by a direct link, and edges lead there in ${fewest + 1} hops`);
    } else if (!ways.includes(next - 1)) {
      this.findings.violate(`${said}, over which no edges lead there`);
    } else if (left[next - 1] !== fewest) {
      this.findings.violate(`${said}, from where it takes ${String(left[next - 1])} hops more, and ${fewest} would do`);
    }
  }
}
