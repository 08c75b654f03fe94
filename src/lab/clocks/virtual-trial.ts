import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runModel, type TraceEvent } from '../../clocks/index.ts';
import { MachineLog, processName } from './machine-log.ts';
import type { TrialPlan, TrialResult } from './trial.ts';

/** A trial on simulated time, whose wall clock begins with 1970. */
export function runVirtualTrial(plan: TrialPlan, folder: string): TrialResult {
  const texts = plan.rates.map(() => ({ text: [] as string[], trace: [] as string[], events: [] as TraceEvent[], tick: 0 }));
  const logs = texts.map((own, index) => {
    const ports = plan.rates.map((_, machine) => machine + 1);
    return new MachineLog({ index, ports, writeText: (text) => own.text.push(text), writeTrace: (text) => own.trace.push(text) });
  });
  const sent = plan.rates.map(() => plan.rates.map(() => 0));
  const run = runModel(plan, (machine, atSeconds, event) => {
    const own = texts[machine] as (typeof texts)[number];
    const counts = sent[machine] as number[];
    if (event.kind === 'send') for (const to of event.to) (counts[to] as number)++;
    const atMs = Math.round(atSeconds * 1e6) / 1e3;
    const sequenceTo = (to: number): number => counts[to] as number;
    const logged = { event, tick: ++own.tick, atSeconds: atMs / 1000, atMs, sequenceTo, arrivedSeconds: null };
    own.events.push(...(logs[machine] as MachineLog).note(logged));
  });
  mkdirSync(path.join(folder, plan.name), { recursive: true });
  const machines = texts.map((own, index) => {
    const file = path.join(folder, plan.name, processName(index));
    writeFileSync(`${file}.txt`, own.text.join(''));
    writeFileSync(`${file}.ndjson`, own.trace.join(''));
    const figures = run.machines[index] as (typeof run.machines)[number];
    return { figures, trace: own.events, lateTicks: 0, latestMs: 0, badMessages: 0, died: null };
  });
  return { plan, machines, relayQueue: run.relayQueue, wires: null };
}
