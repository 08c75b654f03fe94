import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type AgentClocks, Client } from '../client/index.ts';
import { boundClock, boundsAlong, boundsBetween, type ClockBounds, type ClockSample, offsetWithin } from '../clocks/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import { type ConnectOptions, readConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';
import { table } from './table.ts';
import { addressesOf } from './traces/collect.ts';

interface SkewOptions extends ConnectOptions {
  readonly samples: number;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Measure how far the wall clocks of the brokers, and of the agents that send lines to them, are apart: each broker is asked for its time again and ' +
        'again, and the quickest answers bound the offset; agents are measured by the broker that they send to, every five seconds. ' +
        'The error is half of what the bounds leave; an offset of less than its error may be none.',
    )
    .option('--samples <count>', 'how often each broker is asked', integer(1, 1000), 20)
    .addOption(jsonOption('the offsets'))
    .action(async (options: SkewOptions) => {
      const measured = await measureAll(options, io);
      const missing = measured.filter(({ bounds }) => bounds === null).map(({ id, why }) => `broker ${id}: ${why}`);
      const [brokers, agents] = [rowsOf(measured), agentRowsOf(measured)];
      const left = measured.reduce((sum, each) => sum + each.agents.left, 0);
      const json = { brokers, agents, agentsLeft: left, missing };
      await write(io.stdout, options.json === true ? `${JSON.stringify(json)}\n` : formatRows(brokers, agents));
      if (left > 0) await write(io.stderr, `${left} more agents are connected: a broker tells of ${agentsOfBroker}\n`);
      for (const each of missing) await write(io.stderr, `${each}\n`);
      if (missing.length > 0) throw new ExitWith(exitCodes.failed);
    });
  addConnectOptions(command);
  command.addHelpText('after', '\nExit code 1 when a broker does not answer; the others are measured all the same.');
  addExamples(command, [
    { command: 'cairn skew', does: 'of the brokers on this machine' },
    { command: 'cairn skew --samples 100 --json', does: 'closer, and for programs' },
  ]);
}

/** A broker tells of so many. */
const agentsOfBroker = 100;
const nobody: AgentClocks = { agents: [], left: 0 };

interface Measured {
  readonly id: number;
  /** How far it is ahead of this machine. */
  readonly bounds: ClockBounds | null;
  readonly why: string;
  readonly agents: AgentClocks;
}

async function measureAll(options: SkewOptions, io: CliIo): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  // One after the other: their answers would wait for one another here, which only widens the bounds.
  for (const { id, server } of await addressesOf(options, io)) {
    const client = new Client({ ...readConnectOptions(options, io), servers: [server], discover: false, timeoutMs: 3000 });
    try {
      const bounds = boundClock(await sample(client, options.samples));
      const agents = (await client.agentClocks()) ?? nobody;
      measured.push({ id, bounds, why: 'its clock, or the one here, was set while it was measured', agents });
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      measured.push({ id, bounds: null, why: error.message, agents: nobody });
    } finally {
      client.close();
    }
  }
  return measured;
}

async function sample(client: Client, count: number): Promise<readonly ClockSample[]> {
  const samples: ClockSample[] = [];
  for (let left = count; left > 0; left--) {
    const askedMs = nowMs();
    const wallMs = await client.wallMs();
    samples.push({ askedMs, answeredMs: nowMs(), wallMs });
  }
  return samples;
}

/** This machine's time when the program began, and what has passed since by a clock that nobody sets. */
const nowMs = (): number => performance.timeOrigin + performance.now();

interface Offsets {
  /** Of the first broker that answered: by how much this one is ahead. */
  readonly aheadMs: number;
  readonly errorMs: number;
  readonly aheadOfThisMachineMs: number;
  readonly errorOfThisMachineMs: number;
}

interface BrokerRow extends Offsets {
  readonly id: number;
}

interface AgentRow {
  readonly process: string;
  readonly address: string;
  /** Which it sends to. */
  readonly broker: number;
  /** Null: nothing is known yet, or its clock was set. */
  readonly offsets: Offsets | null;
  readonly stampsAhead: number;
}

const noBounds: ClockBounds = { low: 0, high: 0 };
const firstOf = (measured: readonly Measured[]): Measured | undefined => measured.find(({ bounds }) => bounds !== null);

function rowsOf(measured: readonly Measured[]): readonly BrokerRow[] {
  const first = firstOf(measured);
  return measured.flatMap(({ id, bounds }) => {
    if (bounds === null) return [];
    return [{ id, ...offsetsOf(id === first?.id ? noBounds : boundsBetween(bounds, first?.bounds ?? bounds), bounds) }];
  });
}

function agentRowsOf(measured: readonly Measured[]): readonly AgentRow[] {
  const first = firstOf(measured);
  return measured.flatMap(({ id, bounds, agents: { agents } }) =>
    agents.map(({ process, address, clock, stampsAhead }): AgentRow => {
      const row = { process, address, broker: id, stampsAhead };
      if (bounds === null || clock === null) return { ...row, offsets: null };
      const ofBroker = { low: clock.lowMs, high: clock.highMs };
      const brokerOfFirst = id === first?.id ? noBounds : boundsBetween(bounds, first?.bounds ?? bounds);
      return { ...row, offsets: offsetsOf(boundsAlong(ofBroker, brokerOfFirst), boundsAlong(ofBroker, bounds)) };
    }),
  );
}

function offsetsOf(ofFirst: ClockBounds, ofThisMachine: ClockBounds): Offsets {
  const [first, here] = [offsetWithin(ofFirst), offsetWithin(ofThisMachine)];
  return {
    aheadMs: hundredths(first.aheadMs),
    errorMs: hundredths(first.errorMs),
    aheadOfThisMachineMs: hundredths(here.aheadMs),
    errorOfThisMachineMs: hundredths(here.errorMs),
  };
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

function formatRows(brokers: readonly BrokerRow[], agents: readonly AgentRow[]): string {
  const first = brokers[0]?.id ?? 0;
  const cells = ({ aheadMs, errorMs, aheadOfThisMachineMs, errorOfThisMachineMs }: Offsets): string[] => [
    `${aheadMs.toFixed(2)} ms`,
    `± ${errorMs.toFixed(2)}`,
    `${aheadOfThisMachineMs.toFixed(2)} ms`,
    `± ${errorOfThisMachineMs.toFixed(2)}`,
  ];
  return table(
    ['clock of', `ahead of broker ${first}`, 'error', 'ahead of this machine', 'error'],
    [
      ...brokers.map(({ id, ...offsets }) => [`broker ${id}`, ...cells(offsets)]),
      ...agents.map(({ process, offsets }) => [process, ...(offsets === null ? ['unknown', '', '', ''] : cells(offsets))]),
    ],
    ['left', 'right', 'right', 'right', 'right'],
  );
}
