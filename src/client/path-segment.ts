import { LogError } from '../eventlog/index.ts';

/** A name as one segment of a path. What has no place in a path would make it another one. */
export function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || !name.isWellFormed())
    throw new LogError('invalidRequest', `There is nothing called ${JSON.stringify(name)}`);
  return encodeURIComponent(name);
}
