import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ScenarioCluster } from './raft-cluster.ts';

/**
 * Every raft-*.txt here is a conversation: `#` explains, commands stand above a line `----`, what they cause stands below it up to an empty line.
 * The commands are described in raft-cluster.ts, the lines of output come from src/raft/describe.ts.
 * Rewrite the outputs, and read the difference: UPDATE=1 npx vitest run test/scenario
 */
const folder = fileURLToPath(new URL('./', import.meta.url));
const transcripts = readdirSync(folder).filter((name) => /^raft-.*\.txt$/.test(name));

/** The same transcript with its outputs as they are now. */
function replay(transcript: string): string {
  const cluster = new ScenarioCluster();
  const blocks = transcript.trimEnd().split(/\n{2,}/);
  return `${blocks.map((block) => replayBlock(cluster, block)).join('\n\n')}\n`;
}

function replayBlock(cluster: ScenarioCluster, block: string): string {
  const lines = block.split('\n');
  const end = lines.indexOf('----');
  const head = end === -1 ? lines : lines.slice(0, end);
  const commands = head.filter((line) => !line.startsWith('#') && line.trim() !== '');
  if (commands.length === 0) return block;
  return [...head, '----', ...commands.flatMap((command) => cluster.run(command))].join('\n');
}

describe('transcripts of the consensus core', () => {
  for (const name of transcripts) {
    it(`${name.replace('.txt', '')} goes as written`, () => {
      const expected = readFileSync(folder + name, 'utf8');
      const actual = replay(expected);
      if (process.env['UPDATE'] !== undefined) writeFileSync(folder + name, actual);
      expect(actual).toBe(process.env['UPDATE'] === undefined ? expected : actual);
    });
  }

  it('are there', () => {
    expect(transcripts.length).toBeGreaterThan(10);
  });
});
