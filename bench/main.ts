/** `npm run bench`: what an append costs on three brokers, next to what the machine allows and to what others need, measured in the same run. */
import { Command } from 'commander';
import { integer } from '../src/cli/options.ts';
import { httpScenarios } from './scenarios/http.ts';
import { limitScenario } from './scenarios/limit.ts';
import type { Row, Scenario } from './scenarios/scenario.ts';
import { World } from './world.ts';

const scenarios: readonly Scenario[] = [limitScenario, ...httpScenarios];

const program = new Command('npm run bench --')
  .option('--only <scenario,...>', 'these only')
  .option('--seconds <count>', 'how long each is measured', integer(1, 3600), 3)
  .parse();
const options = program.opts<{ readonly only?: string; readonly seconds: number }>();
const wanted = options.only?.split(',');
const world = new World({
  brokers: 3,
  recordBytes: 100,
  seconds: options.seconds,
  warmUpSeconds: 2,
  rounds: 1,
  say: (line) => console.error(line),
});
try {
  for (const scenario of scenarios) {
    if (wanted !== undefined && !wanted.includes(scenario.name)) continue;
    const { rows } = await scenario.run(world);
    for (const row of rows) console.log(shown(row));
    for (const row of rows) if (row['acknowledged'] !== row['read back']) process.exitCode = 1;
  }
} finally {
  await world.end();
}

function shown(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) =>
      name === 'scenario' ? String(value) : `${name} ${typeof value === 'number' ? Number(value.toFixed(3)) : String(value)}`,
    )
    .join(', ');
}
