/**
 * The experiment of contract 4. `logs.ts` writes logs of known content, `machines.ts` has the servers that search them, `parties.ts` asks the same question in
 * several ways, `statistics.ts` says which differences count, and `lab.ts` makes of it what `cairn lab grep` leaves.
 */
export { runGrepLab } from './lab.ts';
