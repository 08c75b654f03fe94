import { expect, test } from 'vitest';
import { settingsTable } from '../../src/daemon/settings-table.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

test('docs/reference/config.md lists every setting with its variable, flag and default', () => {
  const code = (text: string | null): string => (text === null ? '' : `\`${text}\``);

  const expected = settingsTable.map(({ key, env, flag, fallback, help }) => [code(key), code(env), code(flag), fallback, help]);

  expect(tableRows(referencePage('config.md'))).toEqual(expected);
});
