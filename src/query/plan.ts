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
  const isTopic = source.kind === 'topic';
  const [unit, place] = isTopic ? ['records', 'the topic'] : ['lines', 'each file'];
  const remote = [
    isTopic
      ? `read what is committed of topic "${source.topic}", partition ${source.partition ?? 0}`
      : `list the files that are exposed as "${source.name}"`,
    ...(isTopic && source.where.length > 0
      ? [`keep records with ${source.where.map(({ field, operator, value }) => `${field}${operator}${value}`).join(' and ')}`]
      : []),
    `select ${unit} that ${match.invert ? 'no pattern matches' : `match ${match.patterns.length === 1 ? 'the pattern' : `one of ${match.patterns.length} patterns`}`}`,
  ];
  if (output.maxCount !== null) remote.push(`stop after ${output.maxCount} of them in ${place}`);
  if (output.mode === 'count') remote.push(`count them in ${place}`);
  if (output.mode === 'with' || output.mode === 'without')
    remote.push(`name ${isTopic ? 'the topic if it is' : 'the files'} ${output.mode} any`);
  if (output.mode === 'quiet') remote.push('say whether there is any');
  if (output.mode === 'lines')
    remote.push(`send them as they are printed, with machine and ${isTopic ? 'topic' : 'file'} in front, as fast as they are taken`);
  const local = [howPrinted(request)];
  if (output.mode === 'lines' || output.mode === 'count') local.push('add up how many there are of each machine and in all');
  return { remote, local };
}

function howPrinted({ output, order, follow, source }: SearchRequest): string {
  if (output.mode === 'quiet') return 'end the search everywhere with the first that has one';
  if (follow) return 'print what comes, in order of time within a window';
  if (order === 'time') return 'print the answers merged by the time of their lines';
  return source.kind === 'topic' ? 'print the answer' : 'print the answers, one machine behind the other, in the order of the list';
}

/** The plan as lines, with what is started there. */
export function explainRequest(request: SearchRequest): string[] {
  const { remote, local } = planOf(request);
  const whole = (where: string, by: readonly string[]): string[] => [
    where,
    ...[...remote, ...by].map((step) => `  ${step}`),
    'Here:',
    ...local.map((step) => `  ${step}`),
  ];
  if (request.source.kind === 'topic') {
    return whole('On that broker, in a thread of its own:', [
      'by looking for texts, by an engine of linear time, or by asking GNU grep, whichever is the first that will do',
    ]);
  }
  const reason = ripgrepEquals.find(({ holds }) => !holds(request))?.must ?? null;
  const isRipgrep = request.engine !== 'grep' && reason === null;
  const labelling = { label: 'MACHINE:FILE', ...request.output };
  const argv = isRipgrep
    ? ['rg', ...ripgrepArguments(request, labelling)]
    : ['grep', ...grepArguments(request, ['-e', 'PATTERN'], labelling)];
  return whole('On each machine:', [
    isRipgrep
      ? 'by ripgrep where it is installed and the file is not compressed, else by GNU grep'
      : `by GNU grep${reason === null || request.engine === 'grep' ? '' : `; ripgrep only where ${reason}`}`,
    argv.join(' '),
  ]);
}
