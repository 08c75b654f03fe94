/**
 * `cairn lab report`: every experiment, one after another, each a process of its own that leaves its own report (`experiments.ts` lists them, `run.ts`
 * runs them and keeps what is done in summary.json), and one page of all (`page.ts`), with the source documents' figures beside (`published.ts`) and the
 * reports of the contracts (`texts/`), whose every figure comes from that summary (`figures.ts`). `scripts/write-reports.ts` makes docs/reports of it.
 */
export { toMarkdown } from '../report/blocks.ts';
export { type Experiment, experimentNames, type Extent, planExperiments, type Step } from './experiments.ts';
export { Figures } from './figures.ts';
export { renderSuite } from './page.ts';
export { runSuite, type StepEvent } from './run.ts';
export { readSummary, type SuiteSummary } from './state.ts';
export { reports } from './texts/index.ts';
