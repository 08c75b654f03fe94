import type { Command } from 'commander';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { defineListing } from './topic-list.ts';

export function define(command: Command, io: CliIo): void {
  command.description('List the topics by name with their sizes: it is `cairn topic list`.');
  addExamples(defineListing(command, io), [{ command: 'cairn ls', does: 'one line a topic' }]);
}
