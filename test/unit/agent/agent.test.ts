import { describe, expect, test } from 'vitest';
import { type AgentRunOptions, type AgentRunResult, runAgentWorld } from './agent-run.ts';

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

function check(options: AgentRunOptions): AgentRunResult {
  const result = runAgentWorld(options);
  const replay = `runAgentWorld(${JSON.stringify(options)})`;
  expect(result.failures, replay).toEqual([]);
  expect(result.isDone, replay).toBe(true);
  expect(result.stored.length, replay).toBe(result.expected.length);
  expect(result.stored, replay).toEqual(result.expected);
  return result;
}

describe('an agent', () => {
  test.each(seeds)(
    'stores every line once and in order over kills of itself, with and without its power, and of its logger (seed %i)',
    (seed) => {
      const { lives } = check({ seed, lines: 2_000, agentKills: 12, loggerKills: 12 });

      expect(lives).toBeGreaterThan(5);
    },
  );

  test.each(seeds.slice(0, 3))('keeps what comes while its logger is away for ten minutes (seed %i)', (seed) => {
    check({ seed, lines: 3_000, agentKills: 3, loggerKills: 3, awayMs: 600_000 });
  });

  test.each(seeds.slice(0, 3))('takes nothing in while its spool is full, and goes on when there is room (seed %i)', (seed) => {
    const { timesFull } = check({ seed, lines: 20_000, agentKills: 1, loggerKills: 2, awayMs: 20_000, spoolBytesMax: 128 * 1024 });

    expect(timesFull).toBeGreaterThan(0);
  });

  test('goes on where every gateway is of before its protocol, and sends no stamps there', () => {
    const { begun, stamps } = check({ seed: 5, lines: 1_000, agentKills: 5, loggerKills: 5, oldShare: 1 });

    expect(begun[1]).toBeGreaterThan(5);
    expect([begun[2], stamps]).toEqual([0, 0]);
  });

  test('speaks its own version wherever it is understood, with a stamp before what it sends', () => {
    const { begun, stamps } = check({ seed: 5, lines: 1_000, agentKills: 5, loggerKills: 5, oldShare: 0 });

    expect(begun[2]).toBeGreaterThan(5);
    expect(stamps).toBeGreaterThan(20);
  });

  test('ends when it is killed where a session ended with the last event, and there is nothing in the next one', () => {
    check({ seed: 4, lines: 3_000, agentKills: 15, loggerKills: 15, awayMs: 0, sessionEventsMax: 1_000 });
  });

  test.each(seeds.slice(0, 4))('begins another session when one has enough events, and puts none into two (seed %i)', (seed) => {
    const { sessions } = check({ seed, lines: 1_000, agentKills: 8, loggerKills: 8, sessionEventsMax: 100 });

    expect(sessions).toBe(10);
  });
});
