import type { Start } from './record-feed.ts';

/** Where the address of a topic's view says that it begins: `offset=`, `time=` (ms since 1970), `at=start`, else at its end. */
export function startOf(parameters: URLSearchParams): Start {
  const number = (name: string): number | null => {
    const text = parameters.get(name);
    return text !== null && /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
  };
  const [offset, ms] = [number('offset'), number('time')];
  if (offset !== null) return { at: 'offset', offset };
  if (ms !== null) return { at: 'time', ms };
  return { at: parameters.get('at') === 'start' ? 'start' : 'end' };
}
