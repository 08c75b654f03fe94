// The lab of contract 3 on eight real brokers, with next to nothing to do: its first five items. `lab-pubsub.test.ts` runs all of its parts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { quickExtent, runPubsubLab } from '../../src/lab/pubsub/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-pubsub-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the evaluation of contract 3', () => {
  test('shows its first five items by runs with their logs, and checks what came of them', async () => {
    const extent = { ...quickExtent, messages: 5, outage: { messages: 5, topicsMade: 1 } };

    const result = await runPubsubLab({ parts: ['items'], extent, seed: 1, folder, say: () => undefined });

    expect(result.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(result.checks.length).toBeGreaterThan(15);
    const peers = result.results.filter(({ part }) => part === '1. all peers at once');
    expect(peers.map(({ peer, pulled }) => `${String(peer)} ${String(pulled)}`)).toEqual(
      ['000', '001', '010', '011', '100', '101', '110', '111'].map((peer) => `${peer} 40`),
    );
    expect(result.results.find(({ topic }) => topic === 'topic16')).toMatchObject({ home: '010', 'kept by': '000 010 011 110' });
    const logOf = (name: string): string => readFileSync(path.join(folder, `${name}.log`), 'utf8');
    expect(logOf('1-all-apis-at-once').match(/ published "publisher-101 says \d" to /g)).toHaveLength(5);
    expect(logOf('2-replicas')).toContain('create_topic news at 100: Topic has been successfully created on 100');
    expect(logOf('3-a-failed-node-recovers')).toContain('100 leads news again');
    expect(logOf('4-a-node-fetches-its-topics')).toMatch(/made while-away-0-\d+, whose home 100 is down/);
    expect(logOf('5-a-replica-is-used')).toContain('100: connection refused: true');
  });
});
