import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { packageFolder } from '../../src/system/package.ts';

/** Commands are measured as the package ships them: a checkout whose dist/ is behind runs src/, whose start costs several times as much. */
export function build(say: (line: string) => void): void {
  say('Building dist/');
  const { status, stderr } = spawnSync(process.execPath, [path.join(packageFolder, 'scripts', 'build.mjs'), '--quiet'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Cannot build dist/: ${stderr.trim()}`);
}
