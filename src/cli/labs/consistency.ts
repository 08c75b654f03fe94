import { InvalidArgumentError } from 'commander';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface ConsistencyOptions extends LabOptions {
  readonly scenario: number;
  readonly servers: number;
  readonly runs: number;
  readonly speed: number;
  readonly parallel: number;
  readonly coldStarts?: number;
  readonly serverCommand?: string;
}

export const consistency: LabCommand<ConsistencyOptions> = {
  name: 'consistency',
  summary: "run the course's test of contract 2 against real servers",
  description:
    'Run the test of the INF-3203 course against real server processes: a client puts words on random servers, threads crash and recover servers, and in the end all logs must be one and hold exactly what was answered.',
  quick: 'scenario 1 once, three times as fast',
  examples: [
    { command: 'cairn lab consistency --quick', does: 'twenty seconds' },
    { command: 'cairn lab consistency --scenario 4 --runs 30 --speed 3 --parallel 4', does: 'how the log holds under two crash threads' },
    { command: 'cairn lab consistency --cold-starts 20', does: 'from exec to a leader, worst of 20' },
  ],
  addOptions: (command) =>
    void command
      .option('--scenario <id>', "the course's scenario, 0 to 4", integer(0, 4), 1)
      .option('--servers <count>', 'servers, 3 to 15', integer(3, 15), 5)
      .option('--runs <count>', 'how often', integer(1, 10_000), 1)
      .option('--speed <factor>', "divides the client's pauses, 1 to 3; the servers' settings stay", factor, 1)
      .option('--parallel <count>', 'runs side by side', integer(1, 50), 1)
      .option('--cold-starts <count>', 'measure instead how long 5, 7 and 8 servers take to listen with a leader elected', integer(1, 1000))
      .option('--server-command <command>', "another server to test: it is given the course's arguments"),
  async run(options, { folder, say }) {
    const { runColdStarts, runConsistencyLab } = await import('../../lab/consistency/index.ts');
    const { coldStarts, quick } = options;
    if (coldStarts !== undefined) {
      const onStart = (what: string, ms: number): void => say(`${what}: ${Math.round(ms)} ms`);
      return runColdStarts({ starts: quick === true ? 1 : coldStarts, folder, onStart });
    }
    return runConsistencyLab({
      ...options,
      ...(quick === true ? { runs: 1, speed: 3, parallel: 1 } : {}),
      folder,
      serverCommand: options.serverCommand?.split(' ').filter((word) => word !== '') ?? null,
      onRun: (result) => {
        const verdict = result.verdict.isExcused ? `Failure, excused: ${result.verdict.excuse ?? ''}` : result.verdict.result;
        const why = result.verdict.isExcused ? '' : result.verdict.reasons.map((reason) => `\n  ${reason}`).join('');
        say(`seed ${result.seed}: ${verdict}, ${result.putsAnswered} of ${result.putsSent} puts answered${why}`);
      },
    });
  },
};

/** Beyond 3 the servers' timeouts would no longer fit the client's pauses. */
function factor(text: string): number {
  const value = /^\d(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 3) return value;
  throw new InvalidArgumentError('It is a number from 1 to 3.');
}
