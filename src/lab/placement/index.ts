/**
 * `cairn lab placement`: what the placements and routes of `placement/` are worth, by pure computation over many topics. `evenness.ts` counts what each
 * broker gets, `growth.ts` what moves when one is added, `hops.ts` how far brokers are apart on cube, ring and mesh, `deaths.ts` what is left of the cube
 * when some are dead, `timing.ts` what a placement costs; `lab.ts` makes of it what the lab leaves.
 */
export { type PlacementLabOptions, runPlacementLab } from './lab.ts';
export { contractHomes } from './contract.ts';
