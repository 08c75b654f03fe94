/** The programs that search, as they are on this machine: found once, at the first search. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface Programs {
  /** GNU grep, or why there is none. */
  readonly grep: string | null;
  readonly ripgrep: string | null;
  /** Bounds the memory of what it starts (util-linux). */
  readonly prlimit: string | null;
}

/** What a search program may have of memory: an expression of a few bytes can ask for much more. */
const memoryBytesMax = 1024 * 1024 * 1024;

/** The whole environment of a search program: nothing of ours reaches it, and text is UTF-8. */
export const searchEnvironment: Readonly<Record<string, string>> = { LC_ALL: 'C.UTF-8' };

let found: Promise<Programs> | null = null;

export function findPrograms(): Promise<Programs> {
  found ??= find();
  return found;
}

async function find(): Promise<Programs> {
  const [grep, ggrep, prlimit, ripgrep] = await Promise.all([inPath('grep'), inPath('ggrep'), inPath('prlimit'), packagedRipgrep()]);
  const isGnu = await Promise.all([grep, ggrep].map(async (each) => (each !== null && (await isGnuGrep(each)) ? each : null)));
  return { grep: isGnu.find((each) => each !== null) ?? null, ripgrep, prlimit: process.platform === 'linux' ? prlimit : null };
}

/** The program with its bound, as what to start and with what in front of its own arguments. */
export function bounded(program: string, { prlimit }: Programs): { readonly file: string; readonly before: readonly string[] } {
  if (prlimit === null) return { file: program, before: [] };
  return { file: prlimit, before: [`--as=${memoryBytesMax}`, '--core=0', '--', program] };
}

async function inPath(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const file = path.join(folder, name);
    if (await isExecutable(file)) return file;
  }
  return null;
}

/** The binary of the npm package for this machine, which npm leaves out where there is none. */
async function packagedRipgrep(): Promise<string | null> {
  try {
    const manifest = createRequire(import.meta.url).resolve(`@vscode/ripgrep-${process.platform}-${process.arch}/package.json`);
    const file = path.join(path.dirname(manifest), 'bin', 'rg');
    return (await isExecutable(file)) ? file : null;
  } catch {
    return null;
  }
}

const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

function isGnuGrep(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, ['--version'], { env: searchEnvironment, timeout: 5_000 }, (error, stdout) =>
      resolve(error === null && stdout.includes('GNU grep')),
    );
  });
}
