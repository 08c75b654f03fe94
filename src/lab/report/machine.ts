import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { packageFolder } from '../../system/package.ts';

/** What a figure was measured on: without it a figure says nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
  };
}

/** The commit of the checkout, marked when files were changed since; null for an installed package. */
export function findCommit(): string | null {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', packageFolder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // An installed package may lie in the checkout of something else.
    if (realpathSync(git('rev-parse', '--show-toplevel')) !== realpathSync(packageFolder)) return null;
    const commit = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit} with changes`;
  } catch {
    return null;
  }
}
