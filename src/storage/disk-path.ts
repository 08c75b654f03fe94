import { assert } from '../base/assert.ts';

const part = /^[a-z0-9._-]+$/;

/** Asserts that a path is one that `Disk` takes: relative, parts joined by '/', nothing that could leave the data directory. */
export function assertDiskPath(path: string): void {
  for (const name of path.split('/'))
    assert(part.test(name) && name !== '.' && name !== '..', `"${path}" is a path inside the data directory`);
}

/** The folder that holds the name, '' for the data directory itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
