/**
 * Asking many machines. `machines.ts` says who they are, `one-machine.ts` asks one, `turns.ts` puts the answers one behind the other, `ask-all.ts` is all
 * of it. It knows nothing of what is printed in the end.
 */
export { askAll, type MachineReport, type PartReport, type Report } from './ask-all.ts';
export { forPrograms, JsonLines, reportLines } from './json-lines.ts';
export { knownMachines } from './known-machines.ts';
export { chooseMachines, type Machine, parseHostsFile, parseMachines } from './machines.ts';
export { aliveEveryMs } from './one-machine.ts';
export type { AnswerEvent, EventWriter } from './turns.ts';
