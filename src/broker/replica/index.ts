/**
 * One broker's members of groups. A `Replica` is a consensus core with its log on disk and what is derived from that log (`Tail`, and in it `ProducerTable`);
 * `LeaderAppends` is its half of an append while it leads; `Groups` opens, fences and removes replicas. A `ReplicatedStateMachine` follows a group's log with a state of its own.
 *
 * It leaves out names, peers and callers: what it owes them goes through `ReplicaContext` and `ReplicaListener`.
 */
export { Groups, type Owner } from './groups.ts';
export type { AppendOutcome, Refused } from './leader-appends.ts';
export { brokerWindow } from './producers.ts';
export { QuietGroups } from './quiet-groups.ts';
export type { Replica } from './replica.ts';
export { elsewhereStatus } from './status.ts';
export { SyncTimes } from './sync-times.ts';
export { ReplicatedStateMachine, type StateMachine } from './state-machine.ts';
export type { MachineState } from './machine-checkpoint.ts';
