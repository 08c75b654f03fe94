import { escapeJson } from '../base/escape.ts';

/** As Kafka's. Every byte counts, case too: no name ever becomes a file's. */
const pattern = /^[A-Za-z0-9._-]{1,249}$/;

export const topicNameRule = 'a name is 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore, and neither "." nor ".."';

/** What a name can begin with. */
export const nameStartPattern = '^[A-Za-z0-9._-]{0,249}$';
export const nameStartRule = 'the beginning of a name: at most 249 characters of A-Z, a-z, 0-9, dot, dash, underscore';

/** Asked where a topic is made or looked for, and never of one that is in the catalog already: a later program may allow more. */
export const isTopicName = (name: string): boolean => pattern.test(name) && name !== '.' && name !== '..';

const shownMax = 40;

/** For a sentence. What no topic can be called may be anything that anybody sent: it is cut, and its controls are escaped. */
export function shownTopic(name: string): string {
  if (isTopicName(name)) return `topic "${name}"`;
  const cut = name.length > shownMax ? ` and ${name.length - shownMax} more characters` : '';
  return `topic ${escapeJson(JSON.stringify(name.slice(0, shownMax)))}${cut}`;
}
