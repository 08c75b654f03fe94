import type { Scenario } from '../scenario.ts';
import { appendScenarios } from './appends.ts';
import { bigScenario } from './big.ts';
import { clientScenario } from './client.ts';
import { failoverScenario } from './failover.ts';
import { followScenario } from './follow.ts';
import { grepAppendScenario } from './grep-append.ts';
import { grepFilesScenario } from './grep-files.ts';
import { grepLagScenario } from './grep-lag.ts';
import { grepTopicScenario } from './grep-topic.ts';
import { idleTopicsScenarios } from './idle-topics.ts';
import { limitScenario } from './limit.ts';
import { linesScenarios } from './lines.ts';
import { manyTopicsScenarios } from './many-topics.ts';
import { oldWireScenario } from './old-wire.ts';
import { readScenarios } from './reading.ts';
import { soakScenario } from './soak.ts';
import { stampsScenario } from './stamps.ts';
import { syncsScenario } from './syncs.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  ...appendScenarios,
  ...readScenarios,
  followScenario,
  clientScenario,
  syncsScenario,
  failoverScenario,
  ...linesScenarios,
  stampsScenario,
  limitScenario,
  ...manyTopicsScenarios,
  ...idleTopicsScenarios,
  oldWireScenario,
  bigScenario,
  soakScenario,
  grepFilesScenario,
  grepTopicScenario,
  grepAppendScenario,
  grepLagScenario,
];
