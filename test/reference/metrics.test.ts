import { expect, test } from 'vitest';
import { httpMetrics, metricTable } from '../../src/gateway/http/api/metrics.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

test('docs/reference/metrics.md lists every metric with its type, labels and meaning', () => {
  const rows = [...metricTable, ...Object.values(httpMetrics)];

  const expected = rows.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);

  expect(tableRows(referencePage('metrics.md'))).toEqual(expected);
});
