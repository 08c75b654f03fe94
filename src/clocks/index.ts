/**
 * Logical clocks as immutable values, with their laws: Lamport's (`lamport.ts`), vector clocks (`vector.ts`), and hybrid ones (`hybrid.ts`), of which
 * `HybridClock` is a broker's own, the one thing here with a state. What is known of an execution by its vector clocks: which event happened before
 * which (`compareVectors`), and whether a cut is consistent (`isConsistentCut`).
 *
 * The scale model of contract 5 (`model/`): a machine as pure code (`ModelMachine`), a run on simulated time (`runModel`), what its logs say
 * (`MachineFigures`), what many runs give (`askOracle`), and the lines that its machines exchange (`MessageReader`). `lab/clocks/` drives it.
 *
 * What many processes did and heard is a trace (`trace.ts`): paired and ordered by cause (`trace-order.ts`), with the skew of their clocks
 * (`trace-skew.ts`), for ShiViz and chrome://tracing, and stretches of it for diagrams.
 *
 * Spooling agents send lines, and stamps between them (`line-stamp.ts`); what is known of them where they send to (`agent-causes.ts`) makes them
 * processes of a trace (`agent-events.ts`). How far clocks are apart follows from questions and answers (`offset.ts`).
 *
 * It leaves out where the time comes from and what the clocks are put on: see `host/` and `wire/`.
 */
export { type AgentAnswer, type AgentCauses, type AgentLink, connectionsPerLife } from './agent-causes.ts';
export { orderWithAgents } from './agent-events.ts';
export { HybridClock, isStampBefore, type Stamp, stampAheadMsMax, stampStart } from './hybrid.ts';
export { type LineStamp, parseStamp, stampedLinesMax, writeLineStamp } from './line-stamp.ts';
export { boundClock, boundsAlong, boundsBetween, type ClockBounds, type ClockSample, offsetWithin } from './offset.ts';
export { advanceLamport, lamportStart, receiveLamport } from './lamport.ts';
export {
  advanceVector,
  compareVectors,
  isConsistentCut,
  latestConsistentCut,
  receiveVector,
  startVector,
  type VectorTime,
} from './vector.ts';
export { FigureCounter, type MachineFigures } from './model/figures.ts';
export { type ModelEvent, ModelMachine } from './model/machine.ts';
export { type AddressedClock, formatMessage, MessageReader } from './model/messages.ts';
export { askOracle, type Oracle, oracleRuns } from './model/oracle.ts';
export { drawRates, machineRandom, type Pace, runModel } from './model/virtual.ts';
export { describeTraceEvent } from './describe-event.ts';
export { chromeText } from './chrome.ts';
export { shivizLines, shivizParser } from './shiviz.ts';
export {
  formatTraceEvent,
  parseTrace,
  parseTraceEvent,
  type TraceEvent,
  type TraceFields,
  type TraceLink,
  type TraceSource,
} from './trace.ts';
export { type Stretch, takeStretch } from './stretch.ts';
export { isUnpaired, type OrderedTrace, orderTrace } from './trace-order.ts';
export { correctedTimes, skewOf, type TraceSkew } from './trace-skew.ts';
