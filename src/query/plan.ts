/** Which part of a search is done where: on the machines that have what is searched, and by who asks. */
import { grepArguments, ripgrepArguments } from './arguments.ts';
import type { SearchRequest } from './request.ts';
import { ripgrepEquals } from './ripgrep.ts';

interface Plan {
  /** On each machine, in order. */
  readonly remote: readonly string[];
  /** By who asks, with the answers. */
  readonly local: readonly string[];
}

/** As sentences for people: all that makes an answer small is done where the bytes are. */
function planOf(request: SearchRequest): Plan {
  const { match, output, source } = request;
  const remote = [
    source.kind === 'files' ? `list the files that are exposed as "${source.name}"` : `read topic "${source.topic}"`,
    `select lines that ${match.invert ? 'no pattern matches' : `match ${match.patterns.length === 1 ? 'the pattern' : `one of ${match.patterns.length} patterns`}`}`,
  ];
  if (output.maxCount !== null) remote.push(`stop after ${output.maxCount} of them in each file`);
  if (output.mode === 'count') remote.push('count them in each file');
  if (output.mode === 'with' || output.mode === 'without') remote.push(`name the files ${output.mode} any`);
  if (output.mode === 'quiet') remote.push('say whether there is any');
  if (output.mode === 'lines') remote.push('send them as they are printed, with machine and file in front, as fast as they are taken');
  const local =
    output.mode === 'quiet'
      ? ['end the search everywhere with the first file that has one']
      : ['print the answers, one machine behind the other, in the order of the list'];
  if (output.mode === 'lines' || output.mode === 'count') local.push('add up how many there are of each machine and in all');
  return { remote, local };
}

/** The plan as lines, with what is started there. */
export function explainRequest(request: SearchRequest): string[] {
  const { remote, local } = planOf(request);
  const reason = ripgrepEquals.find(({ holds }) => !holds(request))?.must ?? null;
  const isRipgrep = request.engine !== 'grep' && reason === null;
  const labelling = { label: 'MACHINE:FILE', ...request.output };
  const argv = isRipgrep
    ? ['rg', ...ripgrepArguments(request, labelling)]
    : ['grep', ...grepArguments(request, ['-e', 'PATTERN'], labelling)];
  return [
    'On each machine:',
    ...remote.map((step) => `  ${step}`),
    isRipgrep
      ? '  by ripgrep where it is installed and the file is not compressed, else by GNU grep'
      : `  by GNU grep${reason === null || request.engine === 'grep' ? '' : `; ripgrep only where ${reason}`}`,
    `  ${argv.join(' ')}`,
    'Here:',
    ...local.map((step) => `  ${step}`),
  ];
}
