/**
 * A search of the files that this machine exposes: each by a program of its own, one behind the other in the order of their names, the next one started
 * while the one before is read. What the program prints goes on as it is.
 */
import { LogError } from '../../eventlog/index.ts';
import type { SearchRequest } from '../../query/index.ts';
import { type AnswerSink, joinProblems, type Searcher } from '../answer.ts';
import { sinkOf, Slots } from '../slots.ts';
import type { ProgramStarter } from '../start/index.ts';
import { traced } from '../traced.ts';
import { type ExposedFile, type Exposure, listFiles } from './exposure.ts';
import { type Context, finish, reasonAgainstRipgrep, start } from './file-search.ts';
import { type FollowHost, followFiles } from './follow.ts';
import { searchInOrder } from './in-order.ts';
import { findPrograms } from './programs.ts';
import { Names, Workplace } from './workplace.ts';

export interface FilesOptions {
  /** The name of this machine. */
  readonly machine: string;
  readonly exposures: readonly Exposure[];
  readonly host: FollowHost;
  readonly starter: ProgramStarter;
}

/** Searches at once; each has a program at work and another one about to be. */
const searchesAtOnce = 4;

export function createFilesSearcher({ machine, exposures, host, starter }: FilesOptions): Searcher {
  const slots = new Slots(searchesAtOnce);
  const names = new Names();
  return async (request, sink, signal, trace = null) => {
    const asked = exposuresOf(request, exposures);
    refuseEngine(request);
    const programs = await findPrograms();
    const workplace = new Workplace(starter, names);
    // Ends what is left at work when one of them cannot go on.
    const own = new AbortController();
    const context: Context = { machine, request, programs, starter, workplace, trace, signal: AbortSignal.any([signal, own.signal]) };
    // Who follows has nothing to do most of the time, and never ends.
    const slot = request.follow ? null : await traced(trace, { name: 'wait' }, () => slots.take(signal, sink));
    const hold = starter.hold();
    try {
      if (slot === null) return await followFiles(() => listFiles(asked), host, context, sink);
      const { files, problems } = await listFiles(asked);
      await (request.order === 'time' ? searchInOrder : searchAll)(files, context, sinkOf(slot, sink));
      if (problems.length > 0) throw new LogError('filesNotSearched', `Cannot search all files: ${joinProblems(problems)}`);
    } finally {
      slot?.release();
      own.abort();
      await workplace.clear();
      hold.release();
    }
  };
}

function exposuresOf({ source }: SearchRequest, exposures: readonly Exposure[]): Exposure[] {
  if (source.kind !== 'files') throw new LogError('invalidRequest', 'Cannot search: only files are searched here');
  const asked = exposures.filter(({ name }) => name === source.name);
  if (asked.length > 0) return asked;
  throw new LogError('unknownFiles', `Cannot search files ${JSON.stringify(source.name.slice(0, 100))}: none are exposed under that name`);
}

function refuseEngine(request: SearchRequest): void {
  const { engine } = request;
  if (engine === 'linear') throw new LogError('invalidRequest', 'Cannot search files with the engine "linear": it searches topics');
  const reason = engine === 'ripgrep' ? reasonAgainstRipgrep(request) : null;
  if (reason !== null)
    throw new LogError('invalidRequest', `Cannot search with ripgrep, which might select other lines: it is used where ${reason}`);
}

async function searchAll(files: readonly ExposedFile[], context: Context, sink: AnswerSink): Promise<void> {
  const { request, signal } = context;
  let next = files[0] === undefined ? null : start(files[0], context);
  try {
    for (let index = 0; next !== null; index++) {
      const started = await next;
      const following = files[index + 1];
      next = following === undefined ? null : start(following, context);
      // Nobody may be left to hear of a failure.
      next?.catch(() => {});
      const end = await finish(started, sink, context.trace);
      signal.throwIfAborted();
      if (end.isSelected && request.output.mode === 'quiet') return;
    }
  } finally {
    // What is being started still makes files of its own: they go with the others.
    await next?.catch(() => {});
  }
}
