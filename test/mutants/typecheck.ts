/** Compiles each mutant: a patch that the compiler refuses proves nothing. The whole project each time, over a folder of links with the changed files in it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { filesOf, type Mutant, mutatedSource, root } from './mutant.ts';

export function typecheckMutants(chosen: readonly Mutant[], tell: (line: string) => void): boolean {
  let wrong = 0;
  for (const mutant of chosen) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-mutant-'));
    try {
      link(root, folder, filesOf(mutant), mutant, '');
      const config = path.join(folder, 'tsconfig.mutant.json');
      // Only what a mutant can break: sources. Tests that call them have the same types.
      writeFileSync(config, JSON.stringify({ extends: './tsconfig.json', compilerOptions: { preserveSymlinks: true }, include: ['src'] }));
      const result = spawnSync(path.join(root, 'node_modules', '.bin', 'tsc'), ['-p', config], { encoding: 'utf8', cwd: folder });
      if (result.status !== 0) wrong++;
      tell(`${result.status === 0 ? 'compiles' : 'REFUSED '} ${mutant.id}${result.status === 0 ? '' : `\n${result.stdout}`}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  tell(`${chosen.length - wrong} of ${chosen.length} mutants compile`);
  return wrong === 0;
}

/** Links everything but the changed files and the folders on the way to them. */
function link(from: string, to: string, changed: readonly string[], mutant: Mutant, prefix: string): void {
  for (const name of readdirSync(from)) {
    const relative = prefix + name;
    if (changed.includes(relative)) {
      writeFileSync(path.join(to, name), mutatedSource(mutant, relative));
    } else if (changed.some((file) => file.startsWith(`${relative}/`))) {
      mkdirSync(path.join(to, name));
      link(path.join(from, name), path.join(to, name), changed, mutant, `${relative}/`);
    } else if (name !== '.git' && name !== 'dist') {
      symlinkSync(path.join(from, name), path.join(to, name));
    }
  }
}
