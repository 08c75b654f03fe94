import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runCollectKills } from '../../src/lab/collect/kills.ts';
import { runAgentWorld } from '../unit/agent/agent-run.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

const killsARound = 10;

it('nodes with spools lose, double and reorder nothing while node, logger and broker are killed in turn', async () => {
  let killed = 0;
  for (const seed of seedsWithinBudget({ countMax: 10, share: 0.7 })) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-collect-'));
    try {
      const result = await runCollectKills({ kills: killsARound, awaySeconds: 0, seed, folder, say: () => undefined });
      tell(result, `cairn lab collect --kills ${killsARound} --seed ${seed}`);
      expect(failedChecks(result)).toEqual([]);
      killed += killsARound;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  report(`${killed} of 100 kills of nodes, loggers and brokers`);
});

it('a simulated agent stores every line once over kills, power losses and ten minutes without a logger', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 500 })) {
    const options = { seed, lines: 3_000, agentKills: 15, loggerKills: 15, awayMs: seed % 5 === 0 ? 600_000 : 0, sessionEventsMax: 1_000 };
    const { stored, expected, failures, isDone } = runAgentWorld(options);
    expect({ failures, isDone, isSame: stored.join('\n') === expected.join('\n') }, `runAgentWorld(${JSON.stringify(options)})`).toEqual({
      failures: [],
      isDone: true,
      isSame: true,
    });
    count++;
  }
  report(`simulated agents: ${count} of 500 seeds`);
});
