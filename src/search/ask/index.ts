/**
 * Asking many machines. `machines.ts` says who they are, `one-machine.ts` asks one, `one-partition.ts` one replica of a topic after another, `turns.ts` puts the
 * answers one behind the other, `ask-all.ts` is all of it. It knows nothing of what is printed in the end.
 */
export { askAll, askEach, type Question } from './ask-all.ts';
export { forPrograms, JsonLines, reportLines } from './json-lines.ts';
export { eachPartition, knownMachines, partitionsOf } from './known-machines.ts';
export { chooseMachines, type Machine, parseHostsFile, parseMachines } from './machines.ts';
export { encodeRequest } from '../encode-request.ts';
export { aliveEveryMs, askMachine, type AskOptions, type MachineOutcome } from './one-machine.ts';
export { type Reached, type TopicPart, wasSearched } from '../answer.ts';
export { type MachineReport, type PartReport, refusalOf, type Report } from './report.ts';
export type { AnswerEvent, EventWriter } from './turns.ts';
export { writeLent } from './write-lent.ts';
