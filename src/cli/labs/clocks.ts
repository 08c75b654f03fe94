import { InvalidArgumentError, Option } from 'commander';
import { isLoopback, parseHostPort, type HostPort } from '../../daemon/address.ts';
import { LogError } from '../../eventlog/index.ts';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface ClocksOptions extends LabOptions {
  readonly machines?: number;
  readonly rates?: readonly number[];
  readonly range?: number;
  readonly seconds?: number;
  readonly trials?: number;
  readonly preset?: number;
  readonly topology: 'mesh' | 'relay';
  readonly relayRate?: number;
  readonly virtual?: boolean;
  readonly parallel: number;
  readonly second?: number;
  readonly listen?: readonly HostPort[];
}

const machinesMin = 3;
/** So many lines a graph can tell apart. */
const machinesMax = 8;
const rateMax = 1000;
const quickSeconds = 20;

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
    { command: 'cairn lab clocks --rates 1,3,6 --topology relay', does: 'pairwise sockets beside a relay' },
  ],
  addOptions: (command) =>
    void command
      .option('--machines <count>', `machines, ${machinesMin} to ${machinesMax} (default: 3)`, integer(machinesMin, machinesMax))
      .option('--rates <list>', 'ticks a second of each machine (default: each draws 1 to 6)', rates)
      .option('--range <number>', 'numbers are drawn from 1 to it: 1 to 3 send, the others do not (default: 10)', integer(3, 1_000_000))
      .option('--seconds <seconds>', 'of each trial (default: 60)', integer(1, 3600))
      .option('--trials <count>', 'trials (default: 5, of a preset 1)', integer(1, 100))
      .option('--preset <number>', "the seed's trial of this number, 1 to 9", integer(1, 9))
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
      .option('--parallel <count>', 'trials side by side', integer(1, 8), 5)
      .option('--second <number>', 'the second that the space-time diagrams show (default: in the middle)', integer(0, 3599))
      .option('--listen <host:port,...>', 'where the machines listen, on this computer (default: free ports)', places),
  async run(options, { folder, say }) {
    const { presets, runClocksLab } = await import('../../lab/clocks/index.ts');
    const preset = options.preset === undefined ? null : (presets[options.preset - 1] ?? null);
    const isQuick = options.quick === true;
    const seconds = options.seconds ?? (isQuick ? quickSeconds : (preset?.seconds ?? 60));
    const chosen = preset?.rates ?? options.rates ?? null;
    refuse(options, chosen?.length ?? options.machines ?? machinesMin, seconds);
    return runClocksLab({
      machines: options.machines ?? machinesMin,
      rates: chosen,
      range: preset?.range ?? options.range ?? 10,
      seconds,
      trials: options.trials ?? (preset === null ? (isQuick ? 2 : 5) : 1),
      preset: options.preset ?? null,
      topology: options.topology,
      relayRate: options.relayRate ?? null,
      isVirtual: options.virtual === true,
      parallel: options.parallel,
      second: options.second ?? Math.floor((seconds - 1) / 2),
      addresses: options.listen ?? null,
      seed: options.seed,
      folder,
      say,
    });
  },
};

/** What does not go together. */
function refuse(options: ClocksOptions, machineCount: number, seconds: number): void {
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
  if ((trials ?? (preset === undefined ? 5 : 1)) > 1 && parallel > 1)
    cannot('trials side by side cannot listen at one place: say --parallel 1');
}

function rates(text: string): readonly number[] {
  const parts = text.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => !/^\d{1,4}$/.test(part) || Number(part) < 1 || Number(part) > rateMax);
  if (wrong !== undefined) throw new InvalidArgumentError(`It is a list of whole numbers from 1 to ${rateMax}, and "${wrong}" is none.`);
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
