/** Where a value stands on an axis, and which values are written beside it. */
export interface Scale {
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
  readonly at: (value: number) => number;
}

/** Round values from at or below the least to at or above the greatest; `from` is where the least stands, `to` where the greatest. */
export function linearScale(least: number, greatest: number, from: number, to: number, count: number): Scale {
  const step = roundStep((greatest > least ? greatest - least : 1) / count);
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(greatest / step));
  const span = (last - first) * step;
  return { ticks: ticksOf(first, last, step), at: (value) => from + ((value - first * step) / span) * (to - from) };
}

/** From exactly the least to exactly the greatest, with round values within; they are at least `stepLeast` apart. */
export function exactScale(least: number, greatest: number, from: number, to: number, count: number, stepLeast = 0): Scale {
  const span = greatest > least ? greatest - least : 1;
  const step = Math.max(stepLeast, roundStep(span / count));
  return {
    ticks: ticksOf(Math.ceil(least / step - 1e-9), Math.floor((least + span) / step + 1e-9), step),
    at: (value) => from + ((value - least) / span) * (to - from),
  };
}

const ticksOf = (first: number, last: number, step: number): Scale['ticks'] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({ value: (first + index) * step, label: labelOf((first + index) * step) }));

/** Below it the scale is as good as linear: delays of nothing, and negative ones, have a place too. */
const nearlyLinearBelowMs = 0.1;
/** More of them would touch one another. */
const decadesLabelledMax = 14;

/** Powers of ten on both sides of zero (the inverse hyperbolic sine): for values that differ by orders of magnitude and may be 0 or negative. */
export function decadeScale(least: number, greatest: number, from: number, to: number): Scale {
  const bend = (value: number): number => Math.asinh(value / (nearlyLinearBelowMs / 2));
  const values = [0];
  for (let value = nearlyLinearBelowMs; values.at(-1) === 0 || (values.at(-1) as number) < greatest; value *= 10) values.push(value);
  for (let value = -nearlyLinearBelowMs; least < 0 && (values[0] as number) > least; value *= 10) values.unshift(value);
  const low = bend(values[0] as number);
  const span = bend(values.at(-1) as number) - low;
  const every = Math.ceil(values.length / decadesLabelledMax);
  const zeroAt = values.indexOf(0);
  const labelled = values.filter((_, index) => (index - zeroAt) % every === 0);
  return {
    ticks: labelled.map((value) => ({ value, label: labelOf(value) })),
    at: (value) => from + ((bend(value) - low) / span) * (to - from),
  };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return (([1, 2, 5] as const).find((each) => each * power >= rough * (1 - 1e-9)) ?? 10) * power;
}

/** There is room for six characters: what is longer is written as 1.5e6. */
const labelOf = (value: number): string =>
  Math.abs(value) >= 1e5 ? value.toExponential().replace('e+', 'e') : String(Math.round(value * 1e6) / 1e6);
