/**
 * Searches of topics on a real machine: `workerScanner` makes them in a thread of its own (`worker.ts`), over the files of a data directory; `ownScanner` between
 * the turns of a broker that keeps its log in memory. `re2.ts` and `gnu-grep.ts` are what they match with. What a search is stands in `query/`, how files are
 * read in `storage/`.
 */
import type { Bytes, Clock, Disk } from '../../host/index.ts';
import { inlineScanner, type SegmentScanner } from '../../storage/index.ts';
import { ProgramStarter } from '../start/index.ts';
import { GnuGrep } from './gnu-grep.ts';

export { GnuGrep } from './gnu-grep.ts';
export { createTopicsSearcher } from './searcher.ts';
export { workerScanner } from './worker-scanner.ts';

/**
 * The engine is loaded with the first search.
 * @param module `start/starter-process.ts`, or what was built from it
 */
export function ownScanner(host: { readonly disk: Disk; readonly clock: Clock; readonly bytes: Bytes }, module: string): SegmentScanner {
  const starter = new ProgramStarter(module);
  return {
    scan(scan, give, done) {
      let cancelled = false;
      let cancel = (): void => undefined;
      void import('./re2.ts').then(({ re2 }) => {
        const grep = new GnuGrep(starter);
        const search = { bytes: host.bytes, regex: re2, grep };
        const running = inlineScanner({ disk: host.disk, clock: host.clock, search }).scan(scan, give, done);
        cancel = () => {
          grep.stop();
          running.cancel();
        };
        if (cancelled) cancel();
      });
      return {
        cancel: () => {
          cancelled = true;
          cancel();
        },
      };
    },
  };
}
