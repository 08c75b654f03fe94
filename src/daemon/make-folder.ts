import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a folder and those above it. Node's own `recursive` goes round for ever where a folder that exists says "not found" to what is to be made in
 * it, as /proc does, so each level is tried once here. Throws what the machine says.
 */
export function makeFolder(folder: string, mode: number): void {
  const missing: string[] = [];
  let above = path.resolve(folder);
  while (!exists(above)) {
    missing.push(above);
    above = path.dirname(above);
  }
  for (const next of missing.reverse()) mkdirUnlessThere(next, mode);
  // Somebody else's file: what is opened in it would fail with less to say.
  if (!statSync(folder).isDirectory()) throw Object.assign(new Error(`EEXIST: file already exists, mkdir '${folder}'`), { code: 'EEXIST' });
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
