import { expect, it } from 'vitest';
import { formOf, parametersOf, type SearchForm } from '../../../ui/src/search/search-address.ts';
import { parseRoute, viewHref } from '../../../ui/src/shell/route.ts';

const plain: SearchForm = {
  place: 'topic',
  files: '',
  pattern: 'a+b & "c"',
  isExpression: false,
  ignoresCase: false,
  context: 0,
  range: '',
  since: '',
  until: '',
};

it.each<[string, SearchForm]>([
  ['a text in a topic', plain],
  ['an expression in files', { ...plain, place: 'files', files: 'app', isExpression: true, ignoresCase: true, context: 5 }],
  ['the last hour', { ...plain, range: '60' }],
  ['a time between', { ...plain, range: 'between', since: '2026-12-01T14:03:59', until: '' }],
])('the address of a search gives the search again: %s', (_, form) => {
  const { parameters } = parseRoute(viewHref('search', parametersOf(form, 'or ders')));

  expect(formOf(parameters)).toEqual(form);
  expect(parameters.get('topic')).toBe(form.place === 'topic' ? 'or ders' : null);
});

it('an address without a pattern is no search, and what the form does not have is left out', () => {
  expect(formOf(new URLSearchParams('topic=log&context=2'))).toBeNull();
  expect(formOf(new URLSearchParams('pattern=x&context=7&last=3&since=nonsense'))).toMatchObject({
    context: 0,
    range: 'between',
    since: '',
  });
});
