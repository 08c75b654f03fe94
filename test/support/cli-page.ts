import type { Command } from 'commander';
import { exitCodes } from '../../src/base/errors.ts';
import { examplesFor } from '../../src/cli/command.ts';
import { exitCodeMeanings } from '../../src/cli/help.ts';
import { paragraph } from '../../scripts/paragraph.ts';

/** docs/reference/cli.md, made from the definitions of the commands. */
export function cliPage(program: Command): string {
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  return [
    '# Command line',
    '',
    ...paragraph(
      'Made from the definitions of the commands: `npx vitest run test/reference/cli.test.ts -u` writes it again, and the same test fails when it is out of date.',
    ),
    '',
    ...programSection(),
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...Object.entries(exitCodes).map(([name, code]) => `| ${code} | ${cell(exitCodeMeanings[name as keyof typeof exitCodes])} |`),
    '',
    'Which error gives which code: [errors.md](errors.md).',
    '',
    ...commands.flatMap((command) => commandSection(command)),
  ].join('\n');
}

const programSection = (): string[] => [
  ...paragraph(
    [
      'Results go to standard output, everything else to standard error; an error is one sentence.',
      'Client commands find the brokers by `--server`, else `CAIRN_SERVER`, else `http://127.0.0.1:8000`, and learn the others from the first that answers.',
      'Colours and bars appear on a terminal only; `NO_COLOR` and `TERM=dumb` are obeyed.',
      'Text from a log is shown with its control characters as `\\xNN` or `\\u{NNNN}`, except with `--raw`.',
      '`cairn help errors` and `cairn help CODE` explain errors.',
    ].join(' '),
  ),
  '',
];

function commandSection(command: Command): string[] {
  const parent = command.parent?.parent ? command.parent : null;
  const isNested = parent !== null;
  const path = parent === null ? `cairn ${command.name()}` : `cairn ${parent.name()} ${command.name()}`;
  const options = command.options.filter((option) => !option.hidden);
  const examples = examplesFor(command);
  return [
    `${isNested ? '###' : '##'} ${path}`,
    '',
    ...paragraph(cell(command.description())),
    '',
    `    ${path} ${command.usage()}`,
    '',
    ...(command.commands.length === 0
      ? []
      : [...command.commands.flatMap((child) => paragraph(cell(`- \`${child.name()}\`: ${child.summary()}`), '  ')), '']),
    ...table(
      'argument',
      command.registeredArguments.map((argument) => [argument.name(), argument.description, '']),
    ),
    ...table(
      'option',
      options.map((option) => [
        option.flags,
        describe(option.description, option.argChoices),
        defaultOf(option.defaultValue, option.negate),
      ]),
    ),
    ...(examples.length === 0 ? [] : ['```sh', ...examples.map((example) => `${example.command}    # ${example.does}`), '```', '']),
  ];
}

function table(what: string, rows: readonly (readonly [string, string, string])[]): string[] {
  if (rows.length === 0) return [];
  return [
    `| ${what} | what it does | default |`,
    '|---|---|---|',
    ...rows.map(([name, text, fallback]) => `| \`${cell(name)}\` | ${cell(text)} | ${cell(fallback)} |`),
    '',
  ];
}

const describe = (text: string, choices: readonly string[] | undefined): string =>
  choices === undefined ? text : `${text}: ${choices.join(', ')}`;

function defaultOf(value: unknown, negate: boolean): string {
  if (negate || value === undefined || value === false) return '';
  return typeof value === 'string' || typeof value === 'number' ? `\`${value}\`` : JSON.stringify(value);
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
