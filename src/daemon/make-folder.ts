import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a folder and those above it. Node's own `recursive` goes round for ever where a folder that exists says "not found" to what is to be made in
 * it, as /proc does, so each level is tried once here. Throws what the machine says.
 *
 * Afterwards the folder's name is on the disk: without it, all that is synced inside would be lost with the power.
 */
export function makeFolder(folder: string, mode: number): void {
  const missing: string[] = [];
  let above = path.resolve(folder);
  while (!exists(above)) {
    missing.push(above);
    above = path.dirname(above);
  }
  for (const next of missing.reverse()) {
    mkdirUnlessThere(next, mode);
    syncFolder(path.dirname(next));
  }
  // Somebody else's file: what is opened in it would fail with less to say.
  if (!statSync(folder).isDirectory()) throw Object.assign(new Error(`EEXIST: file already exists, mkdir '${folder}'`), { code: 'EEXIST' });
  // Whoever made it may have been killed before it could do this.
  if (missing.length === 0) syncFolder(path.dirname(path.resolve(folder)));
}

/** As far as the machine lets us: not every folder may be opened, and not every file system syncs folders. */
function syncFolder(folder: string): void {
  let fd: number | null = null;
  try {
    fd = openSync(folder, 'r');
    fsyncSync(fd);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

function exists(folder: string): boolean {
  try {
    statSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function mkdirUnlessThere(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another broker of the same start may have made it in between.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
