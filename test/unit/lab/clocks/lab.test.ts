import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClocksLabOptions, presets, runClocksLab } from '../../../../src/lab/clocks/index.ts';
import { aimOfTrials, judgeTrials } from '../../../../src/lab/clocks/judge.ts';
import { askOracle } from '../../../../src/clocks/index.ts';
import { Oracles } from '../../../../src/lab/clocks/oracles.ts';
import { stepSeconds } from '../../../../src/lab/clocks/ticks.ts';
import { figuresOf, type MachineResult, type TrialResult } from '../../../../src/lab/clocks/trial.ts';
import { runVirtualTrial } from '../../../../src/lab/clocks/virtual-trial.ts';
import type { LabResult } from '../../../../src/lab/report/index.ts';
import { renderPicture } from '../../../../src/chart/index.ts';
import { findTextFaults, openSvg } from '../../../support/svg.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-clocks-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (options: Partial<ClocksLabOptions>): Promise<LabResult> =>
  runClocksLab({
    machines: 3,
    rates: null,
    range: 10,
    seconds: 60,
    trials: 1,
    presets: [],
    topology: 'mesh',
    relayRate: null,
    isVirtual: true,
    parallel: 1,
    second: 5,
    addresses: null,
    seed: 1,
    folder,
    say: () => undefined,
    ...options,
  });

describe("the seed's nine trials", () => {
  test.each(presets.map((preset, index) => [index + 1, preset] as const))('%i is as the seed says', async (number, preset) => {
    const result = await run({ presets: [number], seconds: null });

    expect(result.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(result.checks.filter(({ name }) => name.startsWith(`preset ${number}: `))).toHaveLength(preset.claims.length);
  });

  test('are not all alike: what is claimed of one is false of another', () => {
    const claim = (number: number, name: RegExp): ((of: number) => boolean) => {
      const found = presets[number - 1]?.claims.find((each) => name.test(each.name));
      return (of) => {
        const { rates, range, seconds } = presets[of - 1] as (typeof presets)[number];
        return found?.judge(askOracle({ rates, range, seconds, relayRate: null }, 50).means).ok === true;
      };
    };

    expect([claim(7, /below half/)(7), claim(7, /below half/)(5)]).toEqual([true, false]);
    expect([claim(9, /together/)(9), claim(9, /together/)(5)]).toEqual([true, false]);
    expect([claim(5, /falls behind/)(5), claim(5, /falls behind/)(9)]).toEqual([true, false]);
    expect([claim(6, /twice/)(6), claim(6, /twice/)(8)]).toEqual([true, false]);
  });
});

describe('a trial', () => {
  test('leaves graphs with a line for each machine and a point for each tick', async () => {
    const { graphs } = await run({ rates: [1, 3, 6] });

    expect(graphs.map(({ name, title }) => [name, title])).toEqual([
      ['trial-1-clocks', 'Trial 1 (1, 3, 6 ticks a second): logical clocks'],
      ['trial-1-queues', 'Trial 1 (1, 3, 6 ticks a second): queues'],
      ['trial-1-second-5', 'Trial 1 (1, 3, 6 ticks a second): second 5'],
    ]);
    for (const graph of graphs) {
      if (graph.kind !== 'chart') continue;
      expect(graph.series.map(({ label, points }) => [label, points.length])).toEqual([
        ['machine 1 (1/s)', 60],
        ['machine 2 (3/s)', 180],
        ['machine 3 (6/s)', 360],
      ]);
      expect(graph.series[0]?.points.at(-1)?.[0]).toBe(60);
    }
    expect(readdirSync(path.join(folder, 'trial-1')).sort()).toEqual(
      [1, 2, 3].flatMap((machine) => [`machine-${machine}.ndjson`, `machine-${machine}.txt`]),
    );
  });

  test('is drawn without a text over another, with eight machines too', async () => {
    const { graphs } = await run({ rates: [1, 2, 3, 4, 5, 6, 7, 8], seconds: 20 });

    for (const graph of graphs) {
      const opened = openSvg(renderPicture(graph));
      expect(findTextFaults(opened)).toEqual([]);
      expect(opened.textsOf('title')).toEqual([graph.title]);
    }
    const [clocks, , second] = graphs.map((graph) => openSvg(renderPicture(graph)));
    expect(clocks?.textsOf('legend')).toEqual(Array.from({ length: 8 }, (_, index) => `machine ${index + 1} (${index + 1}/s)`));
    // One dot for each tick of the second, both ends of it included.
    expect(second?.elements('event').length).toBe([1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, rate) => sum + rate + 1, 0));
  });

  test('says the same by its logs as by its machines', () => {
    const plan = {
      name: 'logs',
      preset: null,
      rates: [1, 3, 6],
      range: 5,
      seconds: 60,
      seed: 3,
      topology: 'mesh' as const,
      relayRate: null,
      addresses: null,
    };

    for (const { figures, trace } of runVirtualTrial(plan, folder).machines)
      expect(figuresOf(trace, figures.rate, 60, figures.queue)).toEqual(figures);
  });

  test('in virtual time is the same for the same seed', async () => {
    const log = async (name: string): Promise<string> => {
      await run({ seed: 42, folder: path.join(folder, name) });
      return readFileSync(path.join(folder, name, 'trial-1', 'machine-2.ndjson'), 'utf8');
    };

    expect(await log('once')).toBe(await log('again'));
  });

  test('shows the relay as what it is: with too small a rate messages wait in it', async () => {
    const { results, checks } = await run({ rates: [6, 6, 6], range: 3, topology: 'relay', relayRate: 2 });

    expect(results.find(({ topology }) => topology === 'relay')?.['wait in the relay']).toBeGreaterThan(100);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });
});

describe('what is wrong with a trial is found', () => {
  const whole = (): TrialResult =>
    runVirtualTrial(
      {
        name: 'judged',
        preset: null,
        rates: [1, 3, 6],
        range: 10,
        seconds: 60,
        seed: 5,
        topology: 'mesh',
        relayRate: null,
        addresses: null,
      },
      folder,
    );
  const oracles = new Oracles();
  const failed = (trial: TrialResult): string[] =>
    judgeTrials([trial], oracles)
      .filter(({ ok }) => !ok)
      .map(({ name, got }) => `${name}: ${got}`);
  const withMachine = (trial: TrialResult, index: number, change: (machine: MachineResult) => MachineResult): TrialResult => ({
    ...trial,
    machines: trial.machines.map((machine, at) => (at === index ? change(machine) : machine)),
  });

  test('and nothing where nothing is', () => {
    expect(failed(whole())).toEqual([]);
  });

  test('a machine that died, by its name', () => {
    expect(failed(withMachine(whole(), 1, (machine) => ({ ...machine, died: 'was ended by SIGKILL after 3.0 s' })))).toEqual([
      'machines that ended before their trial did: 1: judged, machine 2 was ended by SIGKILL after 3.0 s',
    ]);
  });

  test('ticks that drift', () => {
    const trial = withMachine(whole(), 2, (machine) => ({ ...machine, figures: { ...machine.figures, ticks: 357 } }));

    expect(failed(trial)).toContain(
      'machines that did not make rate times seconds ticks, give or take one: 1: judged, machine 3: 357 ticks instead of 360',
    );
  });

  test('messages that were none', () => {
    expect(failed(withMachine(whole(), 0, (machine) => ({ ...machine, badMessages: 2 })))).toEqual([
      'messages received that were none: 1: judged, machine 1: 2 (see its log)',
    ]);
  });

  test('messages that were lost', () => {
    const trial = withMachine(whole(), 0, (machine) => ({
      ...machine,
      figures: { ...machine.figures, arrivals: machine.figures.arrivals - 1 },
    }));

    expect(failed(trial)).toEqual([expect.stringMatching(/^messages sent that neither came nor wait in a relay: 1: judged: 1 of \d+$/)]);
  });

  test('a clock that did not rise with a message, and a message that came before it was sent', () => {
    const changed = (field: 'clock' | 'seconds', value: number): TrialResult =>
      withMachine(whole(), 0, (machine) => {
        const at = machine.trace.findIndex(({ kind, fields }) => kind === 'receive' && (fields['seconds'] as number) > 10);
        return {
          ...machine,
          trace: machine.trace.map((event, index) => (index === at ? { ...event, fields: { ...event.fields, [field]: value } } : event)),
        };
      });

    expect(failed(changed('clock', 1))).toEqual([
      expect.stringMatching(/^messages whose clock is not less .*: 1: judged: machine-\d sent \d+, machine-1 had 1$/),
    ]);
    expect(failed(changed('seconds', 0.5))).toEqual([
      expect.stringMatching(/^seconds at which what had happened .* no consistent cut: \d+: judged at 1 s/),
    ]);
  });

  test('clocks and queues that no virtual run has', () => {
    const trial = withMachine(whole(), 0, (machine) => ({ ...machine, figures: { ...machine.figures, clock: 900 } }));

    expect(failed(trial)).toEqual([
      expect.stringMatching(/^clocks and queues outside .*: 1: judged, machine 1: clock 900, not \d+ to \d+$/),
    ]);
  });
});

describe('a trial of real time', () => {
  const wires = { connections: 6, setUpMs: 1, writes: 1, delaysMs: [0.5], relayDied: null };
  const plan = { name: 'real', preset: null, rates: [1, 6, 6], range: 5, seconds: 60, seed: 5, topology: 'mesh' as const, relayRate: null };
  const inTime = (): TrialResult => ({ ...runVirtualTrial({ ...plan, addresses: null }, folder), wires });
  const later = (trial: TrialResult, bySeconds: number): TrialResult => ({
    ...trial,
    machines: trial.machines.map((machine) => ({
      ...machine,
      trace: machine.trace.map((event) => ({
        ...event,
        fields: { ...event.fields, seconds: (event.fields['seconds'] as number) + bySeconds },
      })),
    })),
  });
  const withQueue = (trial: TrialResult, queue: number): TrialResult => ({
    ...trial,
    machines: trial.machines.map((machine, index) =>
      index === 0 ? { ...machine, trace: machine.trace.map((event) => ({ ...event, fields: { ...event.fields, queue } })) } : machine,
    ),
  });
  const aims = (trial: TrialResult): readonly string[] => aimOfTrials([trial]).map(({ got }) => got.replace(/\d+(\.\d)? %/, 'SHARE'));

  test('that is in time is one that exact ticks give, and the same as its virtual run', () => {
    expect(aims(inTime())).toEqual(['0', '1']);
    // The same late by more than what machines tick one after another, with every event as it should be.
    expect(aims(later(inTime(), 0.02))).toEqual(['0', '1']);
    // One that is not the same, and in time.
    expect(aims(withQueue(inTime(), 1))).toEqual(['0', '0']);
  });

  test('that is too late for that is named, and compared with runs of its own ticks', () => {
    expect(aims(withQueue(later(inTime(), 0.02), 1))).toEqual(['1: real (SHARE of its ticks out of their order)', '0']);
  });

  test.each([
    [[1, 3, 6], null],
    [[4, 5, 6], null],
    [[1, 2, 3, 4, 5, 6, 7, 8], null],
    [[1000, 999, 998], 997],
  ] as const)('of %j machines ticks in their order where they fall together, and never before one that is earlier', (rates, relayRate) => {
    const step = stepSeconds(rates, relayRate);
    const all = relayRate === null ? rates : [...rates, relayRate];
    const ticks = all.flatMap((rate, index) => Array.from({ length: Math.min(rate, 60) }, (_, k) => ({ due: (k + 1) / rate, index })));
    ticks.sort((a, b) => a.due - b.due || a.index - b.index);

    expect(step).toBeGreaterThan(0);
    const early = ticks.filter(({ due, index }, place) => {
      const before = ticks[place - 1];
      return before !== undefined && due + index * step < before.due + before.index * step;
    });
    expect(early).toEqual([]);
  });
});
