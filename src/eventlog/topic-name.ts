const pattern = /^[a-z0-9._-]{1,200}$/;

export const topicNameRule = 'a name is 1-200 characters of a-z, 0-9, dot, dash, underscore';

/** Asked where a topic is made or looked for, and never of one that is in the catalog already: a later program may allow more. */
export const isTopicName = (name: string): boolean => pattern.test(name) && name !== '.' && name !== '..';
