/** Which view the fragment of the address names: `#/`, `#/topics`, `#/topics/NAME`, `#/search`, `#/trace`, each perhaps with parameters. */

export type View = 'overview' | 'topics' | 'topic' | 'search' | 'trace';

interface Route {
  readonly view: View;
  /** Of the view of a topic its name, else null. */
  readonly topic: string | null;
  readonly parameters: URLSearchParams;
}

const SIMPLE: ReadonlyMap<string, View> = new Map([
  ['topics', 'topics'],
  ['search', 'search'],
  ['trace', 'trace'],
]);

/** What is no address of a view leads to the overview. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split(/\?(.*)/s, 2);
  const parameters = new URLSearchParams(query);
  const [, first = '', second = ''] = path.split('/');
  const topic = decoded(second);
  if (first === 'topics' && topic !== '') return { view: 'topic', topic, parameters };
  return { view: SIMPLE.get(first) ?? 'overview', topic: null, parameters };
}

/** A fragment may have been typed by hand: one that is no encoding names what it says. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function topicHref(topic: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  return `#/topics/${encodeURIComponent(topic)}${queryOf(parameters)}`;
}

/** To one record; of a topic of several partitions its number says in which. */
export function recordHref(topic: string, { partition, offset }: { readonly partition: number | null; readonly offset: number }): string {
  return topicHref(topic, { ...(partition === null ? {} : { partition }), offset });
}

export function viewHref(view: Exclude<View, 'topic'>, parameters: Readonly<Record<string, string | number>> = {}): string {
  return `#/${view === 'overview' ? '' : view}${queryOf(parameters)}`;
}

function queryOf(parameters: Readonly<Record<string, string | number>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** Where an address from before the views had fragments leads: `/?topic=NAME` to the topic, `/?trace` to traces. Null where it is none of these. */
export function routeOfBefore(search: string): string | null {
  const parameters = new URLSearchParams(search);
  const topic = parameters.get('topic');
  if (topic !== null && topic !== '') return topicHref(topic);
  return parameters.has('trace') ? viewHref('trace') : null;
}
