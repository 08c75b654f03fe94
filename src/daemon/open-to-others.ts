import { statSync } from 'node:fs';

/**
 * What everybody on this machine may do with a file or a folder, by its mode; null where that is nothing. A group is somebody's choice, and is left to him.
 * What is not there, or cannot be looked at, says so when it is opened.
 */
export function openToOthers(file: string): 'read' | 'write' | null {
  if (process.platform === 'win32') return null;
  let mode: number;
  try {
    ({ mode } = statSync(file));
  } catch {
    return null;
  }
  // Who may enter a folder without listing it knows what our files are called.
  return (mode & 0o002) !== 0 ? 'write' : (mode & 0o005) !== 0 ? 'read' : null;
}
