import { expect, test } from 'vitest';
import { describeRule, settingsTable } from '../../src/daemon/settings-table.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

test('docs/reference/config.md lists every setting with its variable, flag, default and what it must be', () => {
  const code = (text: string | null): string => (text === null ? '' : `\`${text}\``);

  const expected = settingsTable.map(({ key, env, flag, fallback, help, rule }) => [
    code(key),
    code(env),
    code(flag),
    fallback,
    describeRule(rule),
    help,
  ]);

  expect(tableRows(referencePage('config.md'))).toEqual(expected);
});
