import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { examplesFor } from '../../src/cli/command.ts';
import { loadProgram } from '../../src/cli/program.ts';
import { cliPage } from '../support/cli-page.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const page = path.join(import.meta.dirname, '..', '..', 'docs', 'reference', 'cli.md');

describe('docs/reference/cli.md', () => {
  test('is what the definitions of the commands say', async () => {
    await expect(cliPage(await loadProgram(fakeIo().io))).toMatchFileSnapshot(page);
  });
});

test('every command that does something has a description and examples that begin with cairn', async () => {
  const program = await loadProgram(fakeIo().io);
  const leaves = program.commands.flatMap((command) => (command.commands.length === 0 ? [command] : command.commands));

  const poor = leaves.filter((command) => {
    const examples = examplesFor(command);
    return (
      !/^[A-Z].*\.$/s.test(command.description()) || examples.length === 0 || !examples.every((example) => /\bcairn /.test(example.command))
    );
  });
  expect(poor.map((command) => command.name())).toEqual([]);
});
