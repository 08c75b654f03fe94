/**
 * What survives the end of a process, under load: `kills.ts` ends brokers with SIGKILL, `restarts.ts` with SIGTERM. Faults of disks, networks and
 * clocks are in `chaos/`.
 */
export { runKillsLab } from './kills.ts';
export { runRestartsLab } from './restarts.ts';
