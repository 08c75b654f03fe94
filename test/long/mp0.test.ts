import path from 'node:path';
import { expect, it } from 'vitest';
import { pause } from '../../src/lab/rig/index.ts';
import { generateOnce, gradeOnce, inFolder, killGroup, launchers, printedBy, run } from '../compat/mp0.ts';
import { freePorts } from '../support/free-ports.ts';
import { report, seedsWithinBudget } from './budget.ts';

it("holds the grader's procedure and the published command lines of contract 1 fifty times in a row", async () => {
  let count = 0;
  for (const round of seedsWithinBudget({ countMax: 50 })) {
    const [port = 0, other = 0] = await freePorts(2);
    const { event, out, err } = await inFolder((folder) => gradeOnce(folder, port, 1_000));
    const [connected = '', printed = '', disconnected = '', ...more] = out.split('\n');

    expect(
      [connected, printed, disconnected, ...more].map((line) => line.replace(/^\d{10}\.\d{6} - /, '')),
      `round ${round}`,
    ).toEqual(['test connected', event, 'test disconnected', '']);
    expect(err).toBe('');

    await inFolder(async (folder) => {
      const logger = run(path.join(launchers, 'logger'), [String(other)], folder);
      await pause(1_000);
      const nodes = await generateOnce(folder, other);
      await pause(300);
      killGroup(logger);
      await logger.ended;
      for (const { name, sent, exit } of nodes) {
        expect({ exit, printed: printedBy(logger.out(), name) }, `round ${round}, ${name}`).toEqual({ exit: 0, printed: sent });
        expect(sent).toHaveLength(10);
      }
      expect(logger.err()).toBe('');
    });
    count++;
  }
  report(`the grader's procedure and the published command lines of contract 1: ${count} of 50 times`);
});
