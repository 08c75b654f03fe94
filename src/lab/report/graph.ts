import { renderChart } from '../../chart/index.ts';

/** Points in a plane, by series. */
export interface Graph {
  /** Also the name of its file. */
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  /** With its unit. */
  readonly yTitle: string;
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

export const renderGraph = (graph: Graph): string =>
  renderChart({ ...graph, xScale: 'round', yScale: 'linear', marks: 'points', band: null });
