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
    ...firstSection(),
    ...programSection(),
    ...listOfCommands(program),
    ...commands.flatMap((command) => commandSection(command)),
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...Object.entries(exitCodes).map(([name, code]) => `| ${code} | ${cell(exitCodeMeanings[name as keyof typeof exitCodes])} |`),
    '',
    'Which error gives which code: [errors.md](errors.md).',
    '',
    '## About this page',
    '',
    ...paragraph(
      'Made from the definitions of the commands: `npx vitest run test/reference/cli.test.ts -u` writes it again, and the same test fails when it is out of date.',
    ),
    '',
  ].join('\n');
}

/** What most people come for. */
const firstSection = (): string[] => [
  '```sh',
  'cairn up                                   # three brokers on this machine',
  'cairn topic create orders --partitions 4',
  "cairn append orders 'one pair of shoes' -k anna",
  'cairn tail -f orders                       # the last ten records, and what comes',
  "cairn read orders --since 15m --format '%o %k %v'",
  'cairn grep shoes --topic orders',
  'cairn status                               # who leads, who lags, who is missing',
  '```',
  '',
  ...paragraph(
    '`cairn COMMAND --help` says the same as this page. Coming from `kcat`, `rpk`, `nats`, `etcdctl`, `stern` or `lnav`? What you are used to is called here as [this table](../habits.md) says.',
  ),
  '',
];

const listOfCommands = (program: Command): string[] => [
  '| command | what it does |',
  '|---|---|',
  ...program.commands.map((command) => `| [\`${command.name()}\`](#cairn-${command.name()}) | ${cell(command.summary())} |`),
  '',
];

const programSection = (): string[] => [
  ...paragraph(
    [
      'Results go to standard output, everything else to standard error; an error is one line: what was not done and why, its code in parentheses, and what to do next; with `--json` an object, as HTTP answers it.',
      'Client commands find the brokers by `--server`, else `--context`, `CAIRN_SERVER`, `CAIRN_CONTEXT`, the context in use, else `http://127.0.0.1:8000`, and learn the others from the first that answers.',
      'Sizes are bytes, `64MiB` (2^20) or `1GB` (10^9); durations `500ms`, `90s`, `15m`, `1h30m`, `7d`; times ISO 8601, so long ago as a duration, or seconds or milliseconds since 1970.',
      'Colours and bars appear on a terminal only; `NO_COLOR` and `TERM=dumb` are obeyed.',
      'Of text from a log what cannot be seen is shown as `\\xNN` (a byte) or `\\u{NNNN}` (a character), and a backslash in front of what looks so is doubled, except with `--raw`: what is shown stands for one text only.',
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
    ...(command.aliases().length === 0
      ? []
      : [
          `Also called ${command
            .aliases()
            .map((name) => `\`${name}\``)
            .join(', ')}.`,
          '',
        ]),
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
