// Runs one test with the mutant that CAIRN_MUTANT names: what vitest loads is replaced here, what a test starts as a process by register.ts.
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { mutantById } from './index.ts';
import { filesOf, mutatedSource, root } from './mutant.ts';

const id = process.env['CAIRN_MUTANT'] ?? '';
const mutant = id === '' ? null : mutantById(id);
const files = new Set(mutant === null ? [] : filesOf(mutant));

export default defineConfig({
  root,
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      load(module: string) {
        const file = path.relative(root, module.split('?')[0] ?? '');
        return mutant !== null && files.has(file) ? mutatedSource(mutant, file) : null;
      },
    },
  ],
  // The cache knows files by their contents, not by what a plugin makes of them: one mutant would be given to the next.
  test: {
    fsModuleCache: false,
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 30_000,
  },
});
