import { atTheEdges } from './at-the-edges.ts';
import { inTheBroker } from './in-the-broker.ts';
import { inSearch } from './in-search.ts';
import { inScheduled } from './in-scheduled.ts';
import { inSubscribers } from './in-subscribers.ts';
import { inTheRig } from './in-the-rig.ts';
import { inRaft } from './in-raft.ts';
import { inStorage } from './in-storage.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...inRaft,
  ...inStorage,
  ...inTheBroker,
  ...inSearch,
  ...inSubscribers,
  ...inScheduled,
  ...atTheEdges,
  ...inTheRig,
];

export function mutantById(id: string): Mutant {
  const mutant = mutants.find((one) => one.id === id);
  if (mutant === undefined) throw new Error(`There is no mutant "${id}"`);
  return mutant;
}
