import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseTraceEvent, type TraceEvent } from '../../clocks/index.ts';
import type { HostPort } from '../../base/host-port.ts';
import { LogError } from '../../eventlog/index.ts';
import { Children } from '../rig/index.ts';
import type { PartReport, Role } from './channel.ts';
import { processName } from './machine-log.ts';
import { Part } from './part.ts';
import { figuresOf, type MachineResult, type TrialPlan, type TrialResult, type Wires } from './trial.ts';

/** Node starts, reads the program, listens and connects. */
const startMsMax = 120_000;
/** Between the word and the first moment of a trial: it has reached every machine by then. */
const leadMs = 200;
/** Beyond its seconds, for ticks that are late. */
const graceMs = 30_000;
const endMsMax = 20_000;
const anyPort: HostPort = { host: '127.0.0.1', port: 0 };

/** A trial with real clocks: each machine, and the relay, is a process of its own. They are started first, so that no start disturbs a trial that runs. */
export class RealTrial {
  readonly #plan: TrialPlan;
  readonly #folder: string;
  readonly #children = new Children();
  readonly #machines: readonly Part[];
  readonly #relay: Part | null;
  readonly #say: (line: string) => void;
  #setUpMs = 0;

  constructor(plan: TrialPlan, reportFolder: string, say: (line: string) => void) {
    this.#plan = plan;
    this.#say = say;
    this.#folder = path.join(reportFolder, plan.name);
    mkdirSync(this.#folder, { recursive: true });
    const nonce = randomBytes(16).toString('hex');
    const isRelayed = plan.topology === 'relay';
    const start = (part: Role['part'], index: number): Part => {
      const { rates, range, seconds, seed, relayRate, addresses } = plan;
      const listenOn = part === 'relay' ? anyPort : isRelayed ? null : (addresses?.[index] ?? anyPort);
      const role = { part, index, rates, range, seconds, seed, relayRate, listenOn, folder: this.#folder, nonce };
      return new Part(role, this.#children);
    };
    this.#machines = plan.rates.map((_, index) => start('machine', index));
    this.#relay = isRelayed ? start('relay', plan.rates.length) : null;
  }

  /** Once it is done every machine has all of its connections: before that nobody sends anything. */
  async connect(): Promise<void> {
    this.#say(`${this.#plan.name}: ${this.#parts.map(({ name, pid }) => `${name} is process ${pid}`).join(', ')}`);
    this.#setUpMs = await connectAll(this.#machines, this.#relay);
  }

  async run(): Promise<TrialResult> {
    const plan = this.#plan;
    const startNs = process.hrtime.bigint() + BigInt(leadMs) * 1_000_000n;
    for (const part of this.#parts) part.tell({ type: 'begin', startNs: String(startNs) });
    const diedAt = await runOut(this.#machines, plan, startNs, this.#say);
    for (const part of this.#parts) part.tell({ type: 'stop' });
    const reports = await Promise.all(this.#parts.map(async (part) => (await part.hear('ended', endMsMax))?.report ?? null));

    const machines = this.#machines.map((machine, index): MachineResult => {
      const report = reports[index] ?? null;
      const trace = readTrace(path.join(this.#folder, `${processName(index)}.ndjson`));
      const when = diedAt.get(machine);
      const died = machine.died === null ? null : `${machine.died}${when === undefined ? '' : ` after ${when.toFixed(1)} s`}`;
      const { lateTicks, latestMs, badMessages } = report ?? { lateTicks: 0, latestMs: 0, badMessages: 0 };
      return {
        figures: figuresOf(trace, plan.rates[index] as number, plan.seconds, report?.queue),
        trace,
        lateTicks,
        latestMs,
        badMessages,
        died,
      };
    });
    const relayQueue = this.#relay === null ? 0 : (reports.at(-1)?.queue ?? 0);
    return { plan, machines, relayQueue, wires: wiresOf(machines, reports, this.#setUpMs, this.#relay?.died ?? null) };
  }

  end(): Promise<void> {
    return this.#children.end();
  }

  get #parts(): readonly Part[] {
    return this.#relay === null ? this.#machines : [...this.#machines, this.#relay];
  }
}

/** Resolves with the time that connecting took. */
async function connectAll(machines: readonly Part[], relay: Part | null): Promise<number> {
  const parts = relay === null ? machines : [...machines, relay];
  const listening = await Promise.all(parts.map((part) => part.hear('listening', startMsMax)));
  refuseDead(parts);
  const placeOf = (part: Part, index: number): HostPort | null => {
    const port = listening[index]?.port ?? null;
    return port === null ? null : { host: part.role.listenOn?.host ?? anyPort.host, port };
  };
  const places = machines.map(placeOf);
  const atMs = performance.now();
  const relayPlace = relay === null ? null : placeOf(relay, machines.length);
  for (const part of parts) part.tell({ type: 'connect', machines: places, relay: relayPlace });
  await Promise.all(parts.map((part) => part.hear('connected', startMsMax)));
  refuseDead(parts);
  return performance.now() - atMs;
}

function refuseDead(parts: readonly Part[]): void {
  const dead = parts.find(({ died }) => died !== null);
  if (dead !== undefined) throw new LogError('checkFailed', `Cannot begin the trial: ${dead.name} ${dead.died ?? ''}`);
}

/** Until every machine that lives has made its ticks; the others with the second of their end. */
async function runOut(
  machines: readonly Part[],
  plan: TrialPlan,
  startNs: bigint,
  say: (line: string) => void,
): Promise<ReadonlyMap<Part, number>> {
  const diedAt = new Map<Part, number>();
  await Promise.all(
    machines.map(async (machine) => {
      if ((await machine.hear('done', leadMs + plan.seconds * 1000 + graceMs)) !== null) return;
      const atSeconds = Math.max(0, Number(process.hrtime.bigint() - startNs) / 1e9);
      diedAt.set(machine, atSeconds);
      say(`${plan.name}: ${machine.name} ${machine.died ?? ''} after ${atSeconds.toFixed(1)} s; the others go on`);
    }),
  );
  return diedAt;
}

/** A process that was killed may have left half a line, and nothing after it. */
function readTrace(file: string): readonly TraceEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line, index) => {
    const event = parseTraceEvent(line);
    if (!event.ok) throw new LogError('checkFailed', `Cannot read line ${index + 1} of ${file}: ${event.error}`);
    return event.value;
  });
}

function wiresOf(
  machines: readonly MachineResult[],
  reports: readonly (PartReport | null)[],
  setUpMs: number,
  relayDied: string | null,
): Wires {
  const sum = (pick: (report: PartReport) => number): number =>
    reports.reduce((total, report) => total + (report === null ? 0 : pick(report)), 0);
  return {
    connections: sum(({ connections }) => connections),
    setUpMs,
    writes: sum(({ writes }) => writes),
    delaysMs: delaysOf(machines),
    relayDied,
  };
}

/** Of the messages that were taken from a queue: from the tick that sent one until it was there. */
function delaysOf(machines: readonly MachineResult[]): readonly number[] {
  const sentAt = new Map<string, number>();
  for (const [index, { trace }] of machines.entries()) {
    for (const { kind, link, fields } of trace) {
      if (kind === 'send') sentAt.set(`${processName(index)} ${link?.to ?? ''} ${link?.sequence ?? 0}`, fields['seconds'] as number);
    }
  }
  const delays: number[] = [];
  for (const [index, { trace }] of machines.entries()) {
    for (const { kind, link, fields } of trace) {
      const at = kind === 'receive' ? sentAt.get(`${link?.from ?? ''} ${processName(index)} ${link?.sequence ?? 0}`) : undefined;
      if (at !== undefined) delays.push(((fields['arrived'] as number) - at) * 1000);
    }
  }
  return delays.sort((a, b) => a - b);
}
