import { expect, test } from 'vitest';
import { renderPng } from '../../../src/timeline/plot/index.ts';

test('a PNG where its optional package is missing is one clear error', async () => {
  const load = () => Promise.reject(new Error("Cannot find package '@resvg/resvg-js'"));

  await expect(renderPng('<svg/>', load)).rejects.toMatchObject({
    code: 'invalidConfig',
    message: expect.stringContaining('npm install @resvg/resvg-js'),
  });
});
