import { describe, expect, test } from 'vitest';
import { followedFilesMax, knownMax, lateMs, recordAfterMs } from '../../src/daemon/collect/follow.ts';
import { collectedBytesMax } from '../../src/daemon/collect/line-collector.ts';
import { boundGroups } from '../../src/daemon/settings-table.ts';
import {
  nackedMax,
  originalNameLengthMax,
  parkedIdsMax,
  reasonLengthMax,
  sessionMsDefault,
  sessionMsMax,
  sessionMsMin,
  statusTopicsMax,
  topicPageMax,
  workersMax,
} from '../../src/eventlog/index.ts';
import { defaultWireSettings } from '../../src/gateway/cs550/settings.ts';
import { batchBytesMax, recordBytesMax, recordsPerBatchMax } from '../../src/record/index.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

describe('docs/reference/limits.md', () => {
  const rows = tableRows(referencePage('limits.md'));

  test.each(['limits', 'http', 'lines'] as const)('lists every bound of "%s" with its default, its range and what it does', (name) => {
    const { defaults, bounds } = boundGroups[name];

    const expected = Object.entries(bounds).map(([key, { from, to, help }]) => [
      `\`${name}.${key}\``,
      String(defaults[key]),
      `${from} to ${to}`,
      help,
    ]);

    expect(rows.filter(([key]) => key?.startsWith(`\`${name}.`))).toEqual(expected);
  });

  test('tells the bounds of followed files', () => {
    expect(rows).toContainEqual(expect.arrayContaining(['Files followed', String(followedFilesMax)]));
    expect(rows).toContainEqual(expect.arrayContaining(['Late lines', `${lateMs} ms`]));
    expect(rows).toContainEqual(expect.arrayContaining(['Files beside one', String(knownMax)]));
    expect(rows).toContainEqual(expect.arrayContaining(['Unfinished line', String(collectedBytesMax)]));
    expect(rows).toContainEqual(expect.arrayContaining(['Record of several lines', `${recordAfterMs} ms`]));
  });

  test('tells the bounds that are fixed', () => {
    expect(rows).toContainEqual(['Record', String(recordBytesMax), 'Key, value and headers of one record, as encoded']);
    expect(rows).toContainEqual(['Records of a batch', String(recordsPerBatchMax), 'Records of one request']);
    expect(rows).toContainEqual(expect.arrayContaining(['Workers of a subscriber', String(workersMax)]));
    expect(rows).toContainEqual([
      'Session of a worker',
      String(sessionMsDefault),
      expect.stringContaining(`${sessionMsMin} to ${sessionMsMax}`),
    ]);
    expect(parkedIdsMax).toBe(nackedMax);
    expect(rows).toContainEqual(expect.arrayContaining(['Negative acknowledgement', String(nackedMax)]));
    expect(rows).toContainEqual(expect.arrayContaining(['Reason of a failure', String(reasonLengthMax)]));
    expect(rows).toContainEqual(['Topics of a page', String(topicPageMax), 'Of `GET /v1/topics`']);
    expect(rows).toContainEqual(expect.arrayContaining(['Topics of a status', String(statusTopicsMax)]));
    const { requestBytesMax, connectionsMax, heldBytesMax, answerTimeoutMs } = defaultWireSettings;
    const oldWire = { request: requestBytesMax, connections: connectionsMax, bytes: heldBytesMax, answers: answerTimeoutMs };
    for (const [what, limit] of Object.entries({ ...oldWire, 'topic name': originalNameLengthMax }))
      expect(rows).toContainEqual([`Old wire: ${what}`, String(limit), expect.anything()]);
    expect(rows).toContainEqual(['Batch', String(batchBytesMax), '`limits.batchBytesMax` can only lower it']);
  });
});
