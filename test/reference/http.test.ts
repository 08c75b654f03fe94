import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formats } from '../../src/gateway/http/api/records/index.ts';
import { recordTypes } from '../../src/gateway/http/decode-records.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly { readonly name: string }[] }>>>>;
}

describe('docs/reference/http.md', () => {
  const page = referencePage('http.md');
  const firstCells = tableRows(page).map(([cell = '']) => cell.replaceAll('`', ''));
  let gateway: TestGateway;
  let document: Document;

  beforeAll(async () => {
    gateway = await startTestGateway();
    document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Document;
  });
  afterAll(() => gateway.close());

  test('lists exactly the routes that /openapi.json describes', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );

    const listed = firstCells.filter((cell) => /^(GET|PUT|POST|PATCH|DELETE) \//.test(cell));

    expect(listed.toSorted()).toEqual(described.toSorted());
  });

  test.each(['post', 'get'] as const)('lists the parameters of %s records', (method) => {
    const parameters = document.paths['/v1/topics/{topic}/records']?.[method]?.parameters ?? [];

    const missing = parameters.map(({ name }) => name).filter((name) => !page.toLowerCase().includes(`\`${name.toLowerCase()}\``));

    expect(missing.filter((name) => name !== 'topic')).toEqual([]);
  });

  test('lists every form that a request or an answer can have', () => {
    expect(firstCells).toEqual(expect.arrayContaining([...recordTypes, ...formats]));
  });

  test('is said by OpenAPI 3.1', () => {
    expect(document.openapi).toBe('3.1.0');
  });
});
