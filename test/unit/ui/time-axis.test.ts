import { expect, it } from 'vitest';
import { agoOf, timeRange, timeSplits } from '../../../ui/src/overview/time-axis.ts';

it.each([
  ['no moment', [], ['now', '−30 s']],
  ['one moment', [1_795_228_878], ['now', '−30 s']],
  ['a few seconds', [1_795_228_878, 1_795_228_883], ['now', '−30 s']],
  ['five minutes', [1_795_228_878, 1_795_229_178], ['now', '−1 min', '−2 min', '−3 min', '−4 min']],
  ['a quarter of an hour', [1_795_228_878, 1_795_229_778], ['now', '−5 min', '−10 min']],
])('of a history of %s each label stands once', (_, times, labels) => {
  const [from, to] = timeRange(times);

  expect(timeSplits(from, to).map((time) => agoOf(to - time))).toEqual(labels);
});
