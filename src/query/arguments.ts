/**
 * What a search program is started with: an argument vector, made of options that stand here and of nothing that the asking machine wrote but patterns,
 * the separator of groups and numbers. A pattern follows `-e`, so that one which begins with a dash is a pattern all the same.
 */
import type { Output, SearchRequest } from './request.ts';
import { translatePatterns } from './ripgrep.ts';

const dialectFlags = { basic: '-G', extended: '-E', fixed: '-F', perl: '-P' } as const;

/** What stands before each line: the label, or nothing. */
export interface Labelling {
  readonly label: string;
  readonly withName: boolean;
  readonly nullAfterName: boolean;
  readonly groupSeparator: string | null;
}

/**
 * For GNU grep, which reads the file as its standard input under the label.
 * @param patterns `-e PATTERN` for each, or `-f FILE`
 */
export function grepArguments(request: SearchRequest, patterns: readonly string[], labelling: Labelling): string[] {
  const { match, output } = request;
  return [
    '-a',
    dialectFlags[match.dialect],
    ...flags([
      [match.ignoreCase, '-i'],
      [match.invert, '-v'],
      [match.word, '-w'],
      [match.wholeLine, '-x'],
      [output.nullData, '-z'],
      [output.mode === 'without', '-L'],
      [output.initialTab, '-T'],
    ]),
    ...common(output),
    ...flags([
      [labelling.withName, '-H'],
      [!labelling.withName, '-h'],
      [output.lineNumbers, '-n'],
      [labelling.nullAfterName, '-Z'],
    ]),
    `--label=${labelling.label}`,
    labelling.groupSeparator === null ? '--no-group-separator' : `--group-separator=${labelling.groupSeparator}`,
    `--color=${output.color ? 'always' : 'never'}`,
    ...patterns,
    '--',
    '-',
  ];
}

/** For ripgrep, which opens the file by a path that reads like the label, relative to its folder. Only for requests of the table of equals. */
export function ripgrepArguments(request: SearchRequest, labelling: Labelling): string[] {
  const { match, output } = request;
  const translated = translatePatterns(match);
  return [
    '--no-config',
    '-uuu',
    '--text',
    '--no-heading',
    '--color=never',
    '--encoding=none',
    '--no-messages',
    // A file that gets shorter while it is mapped would end the program.
    '--no-mmap',
    '--threads=1',
    ...flags([
      [translated?.fixed === true, '-F'],
      [match.ignoreCase, '-i'],
      [match.invert, '-v'],
      [match.wholeLine, '-x'],
      [output.mode === 'count', '--include-zero'],
    ]),
    ...common(output),
    ...flags([
      [labelling.withName, '-H'],
      [!labelling.withName, '-I'],
      [output.lineNumbers, '-n'],
      [!output.lineNumbers, '-N'],
      [labelling.nullAfterName, '-0'],
    ]),
    labelling.groupSeparator === null ? '--no-context-separator' : `--context-separator=${escapeSeparator(labelling.groupSeparator)}`,
    ...(translated?.patterns ?? []).flatMap((pattern) => ['-e', pattern]),
    '--',
    labelling.label,
  ];
}

/** Options that both programs have under one name. */
function common(output: Output): string[] {
  return [
    ...flags([
      [output.mode === 'count', '-c'],
      [output.mode === 'with', '-l'],
      [output.mode === 'quiet', '-q'],
      [output.onlyMatching, '-o'],
      [output.byteOffsets, '-b'],
    ]),
    ...(output.maxCount === null ? [] : ['-m', String(output.maxCount)]),
    ...(output.before === null ? [] : ['-B', String(output.before)]),
    ...(output.after === null ? [] : ['-A', String(output.after)]),
  ];
}

const flags = (all: readonly (readonly [boolean, string])[]): string[] => all.flatMap(([isOn, flag]) => (isOn ? [flag] : []));

/** ripgrep reads escapes in it. */
const escapeSeparator = (text: string): string => text.replaceAll('\\', '\\\\');
