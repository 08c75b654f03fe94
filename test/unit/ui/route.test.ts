import { expect, it } from 'vitest';
import { parseRoute, routeOfBefore, topicHref, viewHref } from '../../../ui/src/shell/route.ts';

it.each([
  ['', 'overview', null],
  ['#/', 'overview', null],
  ['#/topics', 'topics', null],
  ['#/topics/', 'topics', null],
  ['#/topics/orders', 'topic', 'orders'],
  ['#/search', 'search', null],
  ['#/trace', 'trace', null],
  ['#view', 'overview', null],
  ['#/nonsense', 'overview', null],
  ['#/topics/%zz', 'topic', '%zz'],
])('the fragment %j shows the view %s', (fragment, view, topic) => {
  expect(parseRoute(fragment)).toMatchObject({ view, topic });
});

it('the address of a view gives what it was made of', () => {
  const route = parseRoute(topicHref('a/b?c #d', { offset: 7, partition: 2 }));

  expect(route.topic).toBe('a/b?c #d');
  expect(Object.fromEntries(route.parameters)).toEqual({ offset: '7', partition: '2' });
  expect(parseRoute(viewHref('search', { topic: 'x y' })).parameters.get('topic')).toBe('x y');
  expect(viewHref('overview')).toBe('#/');
});

it('addresses from before there were views lead on', () => {
  expect(routeOfBefore('?topic=orders')).toBe('#/topics/orders');
  expect(routeOfBefore('?trace')).toBe('#/trace');
  expect(routeOfBefore('')).toBeNull();
});
