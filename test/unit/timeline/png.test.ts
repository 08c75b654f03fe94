import { expect, test } from 'vitest';
import { renderPicture } from '../../../src/chart/index.ts';
import { renderPng } from '../../../src/timeline/plot/index.ts';
import { charts } from '../../support/pictures.ts';

test('a PNG where its optional package is missing is one clear error', async () => {
  const load = () => Promise.reject(new Error("Cannot find package '@resvg/resvg-js'"));

  await expect(renderPng('<svg/>', load)).rejects.toMatchObject({
    code: 'invalidConfig',
    message: expect.stringContaining('npm install @resvg/resvg-js'),
  });
});

test('a PNG is drawn as on paper, whatever the screen is like', async () => {
  const drawn: string[] = [];
  const Resvg = class {
    constructor(svg: string) {
      drawn.push(svg);
    }
    render() {
      return { asPng: () => new Uint8Array(1) };
    }
  };
  const svg = renderPicture((charts[0] as (typeof charts)[number])[1]);

  await renderPng(svg, () => Promise.resolve({ Resvg } as never));

  expect(svg).toContain('prefers-color-scheme');
  expect(drawn[0]).not.toContain('prefers-color-scheme');
  expect(drawn[0]).toContain('fill="#ffffff"');
});
