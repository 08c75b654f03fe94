import { pictureWidth } from '../../chart/index.ts';

/** Sharp on a dense screen and in print. */
const pngWidth = pictureWidth * 2;

/** The picture in pixels, by resvg, with the fonts of the machine. */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' };
  return new Resvg(svg, { fitTo: { mode: 'width', value: pngWidth }, font }).render().asPng();
}
