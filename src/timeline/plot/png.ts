import { pictureWidth, withoutDark } from '../../chart/index.ts';
import { LogError } from '../../eventlog/index.ts';

/** Sharp on a dense screen and in print. */
const pngWidth = pictureWidth * 2;

/** The picture in pixels, by resvg, with the fonts of the machine. Nothing else needs that package, which not every machine has. */
export async function renderPng(svg: string, load: () => Promise<Rasterizer> = loadResvg): Promise<Uint8Array> {
  const { Resvg } = await load().catch((error: unknown) => {
    const reason = 'its optional package @resvg/resvg-js is not installed here, npm install @resvg/resvg-js; pictures are there as SVG';
    throw new LogError('invalidConfig', `Cannot draw a PNG: ${reason}`, {}, { cause: error });
  });
  const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' };
  return new Resvg(withoutDark(svg), { fitTo: { mode: 'width', value: pngWidth }, font }).render().asPng();
}

type Rasterizer = Pick<typeof import('@resvg/resvg-js'), 'Resvg'>;
const loadResvg = (): Promise<Rasterizer> => import('@resvg/resvg-js');
