import { InvalidArgumentError, Option } from 'commander';
import type { HostPort } from '../../base/host-port.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { isLoopback, parseHostPort } from '../../daemon/address.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface ClocksOptions extends LabOptions {
  readonly machines?: number;
  readonly rates?: readonly number[];
  readonly range?: number;
  readonly seconds?: number;
  readonly trials?: number;
  readonly preset?: readonly number[];
  readonly topology: 'mesh' | 'relay';
  readonly relayRate?: number;
  readonly virtual?: boolean;
  readonly parallel?: number;
  readonly second?: number;
  readonly listen?: readonly HostPort[];
}

const machinesMin = 3;
/** So many lines a graph can tell apart. */
const machinesMax = 8;
const rateMax = 1000;
const quickSeconds = 20;
const secondsUsual = 60;
const trialsUsual = 5;
const presetCount = 9;
const parallelMax = 9;
const parallelUsual = 5;

export const clocks: LabCommand<ClocksOptions> = {
  name: 'clocks',
  summary: 'logical clocks of machines that tick at different rates',
  description:
    'Run the scale model of contract 5: machines that tick at different rates, each a process of its own with a queue and a Lamport clock, send one another their clocks. Draws clocks and queues against system seconds, and compares each trial with 300 on simulated time.',
  quick: 'trials of 20 seconds, two where it is not a preset',
  examples: [
    { command: 'cairn lab clocks', does: 'five trials of 60 s at once, rates drawn' },
    { command: 'cairn lab clocks --virtual', does: 'the same on simulated time, in a second or two' },
    { command: 'cairn lab clocks --preset 7', does: "the seed's seventh trial, and what it claims" },
    { command: 'cairn lab clocks --preset all', does: 'all nine side by side, in two minutes' },
    { command: 'cairn lab clocks --rates 1,3,6 --topology relay', does: 'pairwise sockets beside a relay' },
  ],
  addOptions: (command) =>
    void command
      .option('--machines <count>', `machines, ${machinesMin} to ${machinesMax} (default: 3)`, integer(machinesMin, machinesMax))
      .option('--rates <list>', 'ticks a second of each machine (default: each draws 1 to 6)', rates)
      .option('--range <number>', 'numbers are drawn from 1 to it: 1 to 3 send, the others do not (default: 10)', integer(3, 1_000_000))
      .option('--seconds <seconds>', 'of each trial (default: 60, of preset 6 120)', integer(1, 3600))
      .option('--trials <count>', 'trials (default: 5, of a preset 1)', integer(1, 100))
      .option('--preset <number,...>', "the seed's trial of this number, 1 to 9, several of them side by side, or all", presetNumbers)
      .addOption(
        new Option(
          '--topology <name>',
          'how messages go: mesh is a socket for each pair and way; relay makes each trial through a relay too',
        )
          .choices(['mesh', 'relay'])
          .default('mesh'),
      )
      .option(
        '--relay-rate <number>',
        'the relay passes on one message a tick, at so many a second (default: at once)',
        integer(1, rateMax),
      )
      .option('--virtual', 'on simulated time')
      .option('--parallel <count>', 'trials side by side (default: 5, of presets all of them)', integer(1, parallelMax))
      .option('--second <number>', 'the second that the space-time diagrams show (default: in the middle)', integer(0, 3599))
      .option('--listen <host:port,...>', 'where the machines listen, on this computer (default: free ports)', places),
  async run(options, { folder, say }) {
    const { presets, runClocksLab } = await import('../../lab/clocks/index.ts');
    const numbers = options.preset ?? [];
    const chosen = numbers.map((number) => presets[number - 1]).filter((preset) => preset !== undefined);
    const isQuick = options.quick === true;
    const seconds = options.seconds ?? (isQuick ? quickSeconds : null);
    const shortest = Math.min(...(seconds === null ? chosen.map((preset) => preset.seconds) : [seconds]), seconds ?? secondsUsual);
    const trials = options.trials ?? (numbers.length > 0 ? 1 : isQuick ? 2 : trialsUsual);
    const parallel = options.parallel ?? (numbers.length > 1 ? parallelMax : parallelUsual);
    const given = { ...options, trials: trials * Math.max(1, numbers.length), parallel };
    refuse(given, chosen[0]?.rates.length ?? options.rates?.length ?? options.machines ?? machinesMin, shortest);
    return runClocksLab({
      machines: options.machines ?? machinesMin,
      rates: options.rates ?? null,
      range: options.range ?? 10,
      seconds,
      trials,
      presets: numbers,
      topology: options.topology,
      relayRate: options.relayRate ?? null,
      isVirtual: options.virtual === true,
      parallel,
      second: options.second ?? null,
      addresses: options.listen ?? null,
      seed: options.seed,
      folder,
      say,
    });
  },
};

/** What does not go together; `trials` are all of them. */
function refuse(
  options: ClocksOptions & { readonly trials: number; readonly parallel: number },
  machineCount: number,
  seconds: number,
): void {
  const { machines, rates: given, range, preset, topology, relayRate, virtual, second, listen, trials, parallel } = options;
  const cannot = (what: string): never => {
    throw new LogError('usage', `Cannot run the lab: ${what}`);
  };
  if (preset !== undefined) {
    const own = [given && '--rates', range && '--range', machines && '--machines'].find((each) => each);
    if (own !== undefined) cannot(`${String(own)} does not go with --preset, which says it`);
  }
  if (machines !== undefined && given !== undefined && machines !== given.length)
    cannot(`${machines} machines do not go with ${given.length} rates`);
  if (topology === 'mesh' && relayRate !== undefined) cannot('--relay-rate goes with --topology relay');
  if (topology === 'relay' && virtual === true && relayRate === undefined)
    cannot('a relay that passes everything on at once is nothing in virtual time: say its --relay-rate');
  if (second !== undefined && second >= seconds) cannot(`there is no second ${second} in ${seconds} s`);
  if (listen === undefined) return;
  if (virtual === true) cannot('nobody listens in virtual time, so --listen says nothing');
  if (listen.length !== machineCount) cannot(`${machineCount} machines do not listen at ${listen.length} addresses`);
  const names = listen.map(formatHostPort);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) cannot(`two machines do not listen at ${twice}`);
  if (trials > 1 && parallel > 1) cannot('trials side by side cannot listen at one place: say --parallel 1');
}

function presetNumbers(text: string): readonly number[] {
  if (text.trim() === 'all') return Array.from({ length: presetCount }, (_, index) => index + 1);
  const parts = text.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => !/^[1-9]$/.test(part));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`It is "all" or a list of numbers from 1 to ${presetCount}, and ${JSON.stringify(wrong)} is none.`);
  return [...new Set(parts.map(Number))];
}

function rates(text: string): readonly number[] {
  const parts = text.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => !/^\d{1,4}$/.test(part) || Number(part) < 1 || Number(part) > rateMax);
  if (wrong !== undefined)
    throw new InvalidArgumentError(`It is a list of whole numbers from 1 to ${rateMax}, and ${JSON.stringify(wrong)} is none.`);
  if (parts.length < machinesMin || parts.length > machinesMax)
    throw new InvalidArgumentError(`It is a list of ${machinesMin} to ${machinesMax} rates, not of ${parts.length}.`);
  return parts.map(Number);
}

function places(text: string): readonly HostPort[] {
  return text.split(',').map((part) => {
    const place = parseHostPort(part.trim());
    if (place === null) throw new InvalidArgumentError(`It is a list of places such as 127.0.0.1:7001, and "${part.trim()}" is none.`);
    if (!isLoopback(place.host)) throw new InvalidArgumentError(`It is a list of places on this computer, and "${part.trim()}" is none.`);
    return place;
  });
}
