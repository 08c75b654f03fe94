// V4: brokers that nobody uses elect nobody for an hour, in virtual time. `cairn lab idle --seconds 3600` is the same on real processes.
import { expect, it } from 'vitest';
import { Rig } from '../unit/broker/rig.ts';
import { report, seedsWithinBudget } from './budget.ts';

const HOUR_MS = 3_600_000;

it('three idle brokers hold no election in an hour', () => {
  let hours = 0;
  for (const seed of seedsWithinBudget({ countMax: 5 })) {
    const rig = new Rig({ seed });
    rig.awaitLeader();
    rig.run(5_000);
    const elections = (): number => rig.cluster.members.reduce((sum, { id }) => sum + rig.broker(id).peek().counters.elections, 0);
    const before = elections();

    rig.run(HOUR_MS);

    expect(elections() - before, `seed ${seed}`).toBe(0);
    expect(rig.violations).toEqual([]);
    hours++;
  }
  report(`${hours} idle hours without an election`);
}, 600_000);
