import { stripTypeScriptTypes } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { mutants } from './index.ts';
import { filesOf, mutatedSource, root } from './mutant.ts';

// That each is caught is a matter of minutes: `npm run mutants`. Here, that each still is a mutant of this program.
describe('every mutant', () => {
  test('has a name of its own', () => {
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    expect(mutants.length).toBeGreaterThanOrEqual(36);
  });

  test.each(mutants.map((mutant) => [mutant.id, mutant] as const))(
    '%s: changes what stands there exactly once, into a program',
    (_id, mutant) => {
      for (const file of filesOf(mutant)) {
        const source = mutatedSource(mutant, file);

        expect(source).not.toBe(readFileSync(path.join(root, file), 'utf8'));
        expect(() => stripTypeScriptTypes(source)).not.toThrow();
      }
    },
  );

  test('names who must catch it', () => {
    const nameless = mutants.filter(({ how, expected }) =>
      how.by === 'test' ? !existsSync(path.join(root, how.file)) : expected.length === 0,
    );

    expect(nameless.map(({ id }) => id)).toEqual([]);
  });
});
