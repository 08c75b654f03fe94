import type { Scenario } from '../scenario.ts';
import { appendScenarios } from './appends.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [...appendScenarios];
