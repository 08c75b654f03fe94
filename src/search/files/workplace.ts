/**
 * A folder of one search, where what cannot be an argument stands: patterns that are too long, not UTF-8 or have a NUL in them, and, for ripgrep, a name
 * for the file that reads as its lines are to begin. Made when it is needed, gone when the search ends.
 */
import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The kernel takes 128 KiB in one argument. */
const argumentBytesMax = 64 * 1024;
const fileNameBytesMax = 255;

export class Workplace {
  #folder: Promise<string> | null = null;
  #patterns: Promise<string> | null = null;

  /** `-e PATTERN` for each, or `-f FILE`. */
  async patternArguments(patterns: readonly Uint8Array[]): Promise<readonly string[]> {
    const inline = inlinePatterns(patterns);
    if (inline !== null) return inline;
    this.#patterns ??= this.#writePatterns(patterns);
    return ['-f', await this.#patterns];
  }

  /** A folder in which `label` is a path to the standard input of whoever opens it; null where there can be none. */
  async folderWith(label: string): Promise<string | null> {
    const parts = label.split('/');
    const isName = (part: string): boolean => part !== '.' && part !== '..' && Buffer.byteLength(part) <= fileNameBytesMax;
    if (label.includes('//') || label.endsWith('/') || label.length > 1024 || !parts.every(isName)) return null;
    try {
      this.#folder ??= mkdtemp(path.join(tmpdir(), 'cairn-grep-'));
      const folder = path.join(await this.#folder, 'names');
      const link = path.join(folder, label);
      await mkdir(path.dirname(link), { recursive: true, mode: 0o700 });
      await symlink('/dev/stdin', link).catch((error: NodeJS.ErrnoException) => {
        // Another file of this search is called the same.
        if (error.code !== 'EEXIST') throw error;
      });
      return folder;
    } catch {
      // No such place to write, or no such name: the other program needs none.
      return null;
    }
  }

  async clear(): Promise<void> {
    const folder = await this.#folder?.catch(() => null);
    if (folder !== undefined && folder !== null) await rm(folder, { recursive: true, force: true });
  }

  async #writePatterns(patterns: readonly Uint8Array[]): Promise<string> {
    this.#folder ??= mkdtemp(path.join(tmpdir(), 'cairn-grep-'));
    const file = path.join(await this.#folder, 'patterns');
    const lines = patterns.flatMap((pattern) => [pattern, lineFeed]);
    await writeFile(file, Buffer.concat(lines), { mode: 0o600, flag: 'wx' });
    return file;
  }
}

const lineFeed = Buffer.from('\n');
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function inlinePatterns(patterns: readonly Uint8Array[]): string[] | null {
  // Without a pattern nothing is selected, which only an empty file can say.
  if (patterns.length === 0) return ['-f', '/dev/null'];
  const total = patterns.reduce((sum, pattern) => sum + pattern.length + 16, 0);
  if (total > argumentBytesMax || patterns.some((pattern) => pattern.includes(0))) return null;
  try {
    return patterns.flatMap((pattern) => ['-e', strict.decode(pattern)]);
  } catch {
    return null;
  }
}
