/**
 * Everything that can go wrong on real machines, made to happen to real brokers. `schedule.ts` lists the faults and puts them in seeded order;
 * `round.ts` injects them one after another on a cluster under load (`../rig`); `judge.ts` makes the report. The faults are in
 * `process-faults.ts`, `network-faults.ts` (through the proxy of `link-proxy.ts`) and `disk-faults.ts` (by tampering with system calls). Loss of
 * power is a lab of its own. `many-topics.ts` disturbs many brokers with topics on some of them each, and measures how soon a topic can be written again;
 * `subscribers-under-faults.ts` kills pullers too, and looks at what each subscriber was given.
 */
export { runChaosLab } from './chaos.ts';
export { runTopicsChaosLab } from './many-topics.ts';
export { runSubscribersChaosLab } from './subscribers-under-faults.ts';
