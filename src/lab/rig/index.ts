/**
 * What labs share: brokers as processes (`LabBrokers`), other children and what they cost, and brokers under load, for the labs that disturb them.
 * `runUnderLoad` starts brokers and clients, hands both to a lab, and afterwards compares what the clients were told (`Attempt`, kept by `Load`) with
 * what every broker holds (`Copy`); `checkCopies` is that comparison, and pure. A `Watchdog` ends a run that stands still. What is done to the brokers
 * is not here: see `kills/` and `chaos/`.
 */
export { findFreePorts, LabBrokers, type Route, type Surroundings } from './brokers.ts';
export { type Attempt, checkCopies, type Copy, type Damage } from './check-copies.ts';
export { Children, type ExitOfChild } from './children.ts';
export { findLeader, leaderAsSeenBy, Load, longestGapMs, readCopy } from './load.ts';
export {
  addFigures,
  checkFigures,
  countDamage,
  figuresOf,
  type LoadedRun,
  type LoadedRunResult,
  type RunFigures,
  runUnderLoad,
} from './loaded-run.ts';
export { diskBytes, inTurns, makeTopics, whenAllLed } from './many-topics.ts';
export { pause } from './pause.ts';
export { readCpuMs, readMemoryBytes } from './process-cost.ts';
export { Watchdog, within } from './watchdog.ts';
