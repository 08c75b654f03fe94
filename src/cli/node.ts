import type { Command } from 'commander';
import { LogError } from '../eventlog/index.ts';
import { problemOfName } from '../gateway/lines/hello.ts';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { integer } from './options.ts';

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Send standard input, line by line, to a logger (`cairn logger`, or a broker with `lines:` in its configuration) under a name, and end with it. What was under way when the logger is lost may not have arrived.',
    )
    .argument('<name>', 'the name that the logger prints: 1 to 255 bytes without space or control characters', parseName)
    .argument('<host>', 'where the logger is')
    .argument('<port>', 'its port', integer(1, 65_535))
    .action(async (name: string, host: string, port: number) => {
      const { runNode } = await import('../daemon/collect/node.ts');
      await runNode({ name, host, port, input: io.stdin });
    });
  addExamples(command, [
    { command: 'cairn generate 2 | cairn node node1 127.0.0.1 1234', does: 'events as the course has them, to the logger on this machine' },
  ]);
}

function parseName(name: string): string {
  const problem = problemOfName(Buffer.from(name));
  if (problem !== null) throw new LogError('usage', `Cannot use the name ${JSON.stringify(name)}: ${problem}`);
  return name;
}
