import { expect, it } from 'vitest';
import { gradeOnce, inFolder } from '../compat/mp0.ts';
import { freePorts } from '../support/free-ports.ts';
import { report, seedsWithinBudget } from './budget.ts';

it("holds the grader's procedure of contract 1 fifty times in a row", async () => {
  let count = 0;
  for (const round of seedsWithinBudget({ countMax: 50 })) {
    const [port = 0] = await freePorts(1);
    const { event, out, err } = await inFolder((folder) => gradeOnce(folder, port, 1_000));
    const [connected = '', printed = '', disconnected = '', ...more] = out.split('\n');

    expect(
      [connected, printed, disconnected, ...more].map((line) => line.replace(/^\d{10}\.\d{6} - /, '')),
      `round ${round}`,
    ).toEqual(['test connected', event, 'test disconnected', '']);
    expect(err).toBe('');
    count++;
  }
  report(`the grader's procedure of contract 1: ${count} of 50 times`);
});
