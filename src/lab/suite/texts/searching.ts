import { type Block, graph, heading, list, table, text } from '../../report/blocks.ts';
import { missing } from '../../report/index.ts';
import type { Figures } from '../figures.ts';
import { searching as beside } from '../published.ts';
import { commandsOf, failedChecks, provenance } from './parts.ts';

const steps = ['grep'] as const;

/** Contract 4. */
export function searching(figures: Figures): readonly Block[] {
  const published = beside(figures);
  return [
    heading('What was built'),
    text(
      'One command asks all machines at once: `cairn grep` sends the pattern to each of them, each searches its own files with a program of its own machine, and what it finds comes back while it is found. The logs do not travel.',
      'No shell is anywhere on the way: a pattern is an argument of a program, whatever characters it holds. What a machine sends is held back when the reader is slow, so memory stays bounded on both sides.',
      'The output of one machine is never inside a line of another; a machine that does not answer costs one short connect timeout, is named at the end, and turns the exit status into 2.',
    ),
    heading('How it was measured'),
    text(
      figures.lab('grep') === null
        ? 'Several machines, each a process with a log of random words and known tokens; each question some times in random order, after a warm-up.'
        : `${figures.setting('grep', 'machines')} machines, each a process with a log of ${figures.setting('grep', 'mb')} MB of random words and known tokens; each question ${figures.setting('grep', 'trials')} times in random order, after a warm-up.`,
      'A question is asked in four ways: by a client that runs already, by the command from its start, and by hand with ripgrep and with GNU grep over the same files.',
      'Each is asked with `-c`, where a machine sends one number, and for the lines themselves. All machines and the client share one computer: what each machine of its own would do beside the others, here they do for the same cores.',
    ),
    ...provenance(figures, steps),
    ...commandsOf(figures, steps),
    graph('grep', 'counts', 'Counting matching lines, mean and one standard deviation'),
    graph('grep', 'lines', 'Printing matching lines, mean and one standard deviation'),
    table(
      ['question', 'mode', 'request', 'command', 'ripgrep by hand', 'GNU grep by hand'],
      figures
        .rows('grep')
        .filter((row) => typeof row[request] === 'string')
        .map((row) => ['question', 'mode', request, command, 'ripgrep by hand', 'GNU grep by hand'].map((column) => cell(row[column]))),
    ),
    table(published.head, published.rows),
    heading('Trends'),
    list(
      'With `-c` the answer is one line for each machine, whatever it holds. What is left is the search, which reads all of every file: so tokens differ little, and where they do it is by what the searching program does at a match.',
      'For lines the output decides. What is in half of the lines of all machines has to be read, sent, put in order and written; what is rare has not.',
      'The command from its start pays for starting a program, the same for each question. It is most of what a rare token costs, and little of what a frequent one does.',
      'A dead machine costs its connect timeout once, not a multiple of it, since all machines are asked at the same time.',
    ),
    heading("The seed's two surprises"),
    text(
      'The seed expected *heavy* to take longer than *unique*, since it is in the logs of all machines, and saw no difference. It expected *even* to take less than *everywhere*, since it is on half of the machines, and saw it take longer. The same pairs here, asked as the seed asked, by a command from its start:',
    ),
    table(
      ['pair', 'mode', 'difference (ms)', 'noise (ms)', 'beyond the noise'],
      pairs(figures).map((row) => [
        cell(row['question']),
        cell(row['mode']),
        cell(row['difference ms']),
        cell(row['noise ms']),
        cell(row['exceeds its noise']),
      ]),
    ),
    text(
      `**Heavy and unique.** Both are in half of the lines of machine 1, and all machines search at the same time. The slowest of them decides when the command ends, and for both tokens that is machine 1, with as much to find. The twentieth part of the lines that *heavy* adds elsewhere is done long before. With counts the difference is ${difference(figures, 'unique, heavy', '-c')}.`,
      `**Even and everywhere.** Again the slowest machine decides, and a machine of even number has as much to do for *even* as for *everywhere*. So no difference is to be expected on machines that are apart, with counts: here it is ${difference(figures, 'everywhere, even', '-c')}. The seed does not say whether its difference was beyond the deviation of its ten trials. It wrote the output of each machine into a file before it sent it, so the disks of its machines were in it too; and a difference within its noise is none.`,
      `When the lines themselves are asked for and all machines share one computer, *even* has half as much to send as *everywhere*: ${difference(figures, 'everywhere, even', 'lines')}.`,
    ),
    heading('What failed, and why'),
    ...failedChecks(figures, steps),
    ...missedTargets(figures),
  ];
}

const request = 'the request, from a client that runs';
const command = 'cairn grep, from its start';

const cell = (value: string | number | boolean | null | undefined): string => (value === undefined || value === null ? '' : String(value));

const pairs = (figures: Figures): ReturnType<Figures['rows']> => figures.rows('grep').filter((row) => row['difference ms'] !== undefined);

/** The first of the pair less the second, in words. */
function difference(figures: Figures, pair: string, mode: string): string {
  const row = pairs(figures).find((each) => each['question'] === pair && each['mode'] === mode);
  if (row === undefined) return missing;
  const [first, second] = pair.split(', ');
  const ms = figures.value(row, 'difference ms') ?? 0;
  const within = row['exceeds its noise'] === 'yes' ? 'beyond' : 'within';
  return `${Math.abs(ms)} ms, *${first ?? ''}* taking ${ms < 0 ? 'less' : 'more'} than *${second ?? ''}*, ${within} the noise of ${figures.text(row, 'noise ms')} ms`;
}

/** What was asked for and depends on the machine's mood. */
function missedTargets(figures: Figures): readonly Block[] {
  const missed = (figures.lab('grep')?.targets ?? []).filter(({ ok }) => !ok);
  if (missed.length === 0) return [];
  return [
    text('Targets for times that were missed in this run:'),
    list(...missed.map(({ name, expected, got }) => `${name}: ${got}, asked ${expected}.`)),
  ];
}
