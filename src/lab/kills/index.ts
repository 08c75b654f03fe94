/**
 * What survives the end of a process: `kills.ts` ends brokers with SIGKILL, `restarts.ts` with SIGTERM, both under the load of `load.ts`, whose
 * clients keep what they were told; `check.ts` (pure) compares that with what every broker holds afterwards. Left out: faults of disks, networks
 * and clocks.
 */
export { runKillsLab } from './kills.ts';
export { runRestartsLab } from './restarts.ts';
