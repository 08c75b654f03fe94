/**
 * Searching the files that a machine exposes, by programs that are made for it. `exposure.ts` says which files those are, `programs.ts` which programs,
 * `run.ts` starts and ends one, `tally.ts` counts on the way.
 */
export { type Exposure, refuseGlob } from './exposure.ts';
export { createFilesSearcher } from './searcher.ts';
export { findPrograms, searchEnvironment } from './programs.ts';
