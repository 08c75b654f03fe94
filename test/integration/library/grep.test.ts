import { beforeAll, describe, expect, test } from 'vitest';
import type { FoundRecord, GrepOptions } from '../../../src/library/index.ts';
import { startLibrary } from '../../support/library.ts';

const { client } = await startLibrary();

beforeAll(async () => {
  await client.topics.create('one');
  await client.append('one', [
    'GET /a 200',
    'GET /b 500',
    { key: 'k', value: 'POST /c 500', headers: { h: 'x' } },
    '{"code": 7}',
    'GET /d 200',
  ]);
  await client.topics.create('several', { partitions: 3 });
  for (let index = 0; index < 12; index++) await client.append('several', { key: `k${index}`, value: `line ${index}` });
});

async function find(topic: string, pattern: string, options: GrepOptions = {}): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for await (const record of client.grep(topic, pattern, options)) found.push(record);
  return found;
}

const textsOf = (found: readonly FoundRecord[]): string[] => found.map((record) => record.text());

describe('grep', () => {
  test('gives the records that match, whole, and says where', async () => {
    const found = await find('one', '500');

    expect(textsOf(found)).toEqual(['GET /b 500', 'POST /c 500']);
    expect(found[1]).toMatchObject({ topic: 'one', partition: 0, offset: 2, matches: [[8, 11]], isContext: false });
    expect([found[1]?.keyText(), found[1]?.header('h')]).toEqual(['k', 'x']);
  });

  test('has the options of the command', async () => {
    expect(textsOf(await find('one', 'GET', { dialect: 'fixed', max: 2 }))).toEqual(['GET /a 200', 'GET /b 500']);
    expect(textsOf(await find('one', '200', { invert: true }))).toEqual(['GET /b 500', 'POST /c 500', '{"code": 7}']);
    expect(textsOf(await find('one', 'code', { where: [{ field: 'code', operator: '=', value: '7' }] }))).toEqual(['{"code": 7}']);
    expect((await find('one', 'POST', { before: 1 })).map((record) => [record.text(), record.isContext])).toEqual([
      ['GET /b 500', true],
      ['POST /c 500', false],
    ]);
  });

  test('gives the context behind the last match too, and nothing beyond that', async () => {
    const shown = (found: readonly FoundRecord[]) => found.map((record) => [record.text(), record.isContext]);

    expect(shown(await find('one', 'GET /b', { max: 1, after: 2 }))).toEqual([
      ['GET /b 500', false],
      ['POST /c 500', true],
      ['{"code": 7}', true],
    ]);
    expect(shown(await find('one', 'GET', { max: 2, before: 1, after: 1 }))).toEqual([
      ['GET /a 200', false],
      ['GET /b 500', false],
      ['POST /c 500', true],
    ]);
    // As in grep, what would match after the last that is wanted is context.
    expect(shown(await find('one', '500', { max: 1, after: 2 }))).toEqual([
      ['GET /b 500', false],
      ['POST /c 500', true],
      ['{"code": 7}', true],
    ]);
    expect(await find('several', 'line', { max: 5, before: 1, after: 1 })).toHaveLength(5);
  });

  test('searches all partitions', async () => {
    const found = await find('several', 'line 1');

    expect(textsOf(found).toSorted()).toEqual(['line 1', 'line 10', 'line 11']);
    expect(await find('several', 'line', { max: 5 })).toHaveLength(5);
  });

  test('fails behind what it gave where that is not all', async () => {
    // This machine has no GNU grep, which that pattern needs.
    await expect(find('one', '(', { dialect: 'extended' })).rejects.toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('Cannot search all of topic "one": machine: one: offsets 0 to 4') as string,
    });
  });

  test('fails with what is wrong', async () => {
    await expect(find('missing', 'x')).rejects.toMatchObject({ code: 'unknownTopic' });
    await expect(find('one', 'x', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'interrupted' });
  });
});
