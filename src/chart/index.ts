/**
 * Charts as text: a `Chart` in, an SVG out that stands alone (`renderChart`). All graphs of Cairn are drawn here: those of `cairn plot`, of the labs and of
 * the benchmarks. The SVGs are written by hand: a plotting library would weigh sixty packages for lines and points.
 *
 * It leaves out what the values mean, files and PNGs.
 */
export { type Chart, chartWidth, renderChart } from './chart.ts';
export { escapeXml } from './xml.ts';
