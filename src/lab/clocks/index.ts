/**
 * `cairn lab clocks`: trials of the scale model of contract 5 (`TrialPlan`), made by processes that send one another messages (`real-trial.ts`, whose
 * parts are `part-process.ts`) or on simulated time (`virtual-trial.ts`), with the same machine (`clocks/`) and the same logs. What must hold of a
 * `TrialResult` is in `judge.ts`: against the logs themselves, and against what many virtual runs give (`askOracle`).
 */
export { type ClocksLabOptions, runClocksLab } from './lab.ts';
export { presets } from './presets.ts';
