import { expect, test } from 'vitest';
import { runCli } from '../../../src/cli/run-cli.ts';
import { fakeIo } from './fake-io.ts';

const twoSeeds = ['sim', '--seed', '1', '--seeds', '2', '--brokers', '1', '--topics', '5', '--minutes', '0.02', '--faults', 'none'];

test('several seeds: on a terminal each is a bar while it runs, elsewhere nothing but its line', async () => {
  const terminal = fakeIo({ terminal: true });
  const pipe = fakeIo();

  expect(await runCli(twoSeeds, terminal.io)).toBe(0);
  expect(await runCli(twoSeeds, pipe.io)).toBe(0);

  for (const place of ['seed 1, 1 of 2', 'seed 2, 2 of 2']) expect(terminal.err()).toContain(`simulated seconds of ${place}`);
  expect(terminal.out()).toMatch(/^1 of 2: seed 1 on 1 brokers with 5 topics good[^]*\n2 of 2: seed 2 /);
  expect(pipe.err()).toBe('');
});
