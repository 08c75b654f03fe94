/**
 * The consistency lab: contract 2's own test, restated, against real processes.
 *
 * `client.ts` is the course's client over a world of its own (`CourseWorld`), `comparer.ts` the course's comparer and our judgement of a failure;
 * both are free of processes and HTTP, so that a test can show what a perfect server gets. `servers.ts` and `http-world.ts` are the real world,
 * `run.ts` one run, `lab.ts` many with their report. Left out: several clients, and any look inside the servers but for the number of terms.
 */
export { ceilings } from './ceilings.ts';
export { runColdStarts } from './cold-starts.ts';
export { runConsistencyLab } from './lab.ts';
