/**
 * Where what cannot be an argument stands, in the folder of the process that starts programs, which removes it at its end. Patterns that are too long, not UTF-8
 * or have a NUL in them: in a file of the search, made when it is needed and gone when it ends. For ripgrep, a name for the file that reads as its lines are to
 * begin: kept, because making and removing one for each search takes as long as searching some megabytes.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ProgramStarter } from '../start/index.ts';

/** The kernel takes 128 KiB in one argument. */
const argumentBytesMax = 64 * 1024;
const fileNameBytesMax = 255;

export class Workplace {
  readonly #starter: ProgramStarter;
  readonly #names: Names;
  #patterns: Promise<string> | null = null;

  /** @param names of all searches together */
  constructor(starter: ProgramStarter, names: Names) {
    this.#starter = starter;
    this.#names = names;
  }

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
    // No such place to write, or no such name: the other program needs none.
    return this.#starter.folder().then(
      (root) => this.#names.folderWith(root, label),
      () => null,
    );
  }

  async clear(): Promise<void> {
    const file = await this.#patterns?.catch(() => null);
    if (file !== undefined && file !== null) await rm(file, { force: true });
  }

  async #writePatterns(patterns: readonly Uint8Array[]): Promise<string> {
    const file = path.join(await this.#starter.folder(), `patterns-${randomUUID()}`);
    const lines = patterns.flatMap((pattern) => [pattern, lineFeed]);
    await writeFile(file, Buffer.concat(lines), { mode: 0o600, flag: 'wx' });
    return file;
  }
}

/** Of those that were used last. */
const namesMax = 4096;

/** For each name a folder, because a name may be what another one goes through. */
export class Names {
  #root: string | null = null;
  #count = 0;
  /** In the order of their last use. */
  readonly #folders = new Map<string, string>();

  /** Null where nothing can be written there. */
  async folderWith(root: string, name: string): Promise<string | null> {
    return this.#make(root, name).catch(() => null);
  }

  async #make(root: string, name: string): Promise<string> {
    // The one of before has been removed.
    if (root !== this.#root) this.#folders.clear();
    this.#root = root;
    const known = this.#folders.get(name);
    const folder = known ?? path.join(root, String(++this.#count));
    this.#folders.delete(name);
    this.#folders.set(name, folder);
    const link = path.join(folder, name);
    if (known !== undefined && isThere(link)) return folder;
    await mkdir(path.dirname(link), { recursive: true, mode: 0o700 });
    await symlink('/dev/stdin', link).catch((error: NodeJS.ErrnoException) => {
      // Another search has made it meanwhile.
      if (error.code !== 'EEXIST') throw error;
    });
    const [oldest] = this.#folders;
    if (oldest !== undefined && this.#folders.size > namesMax) {
      this.#folders.delete(oldest[0]);
      await rm(oldest[1], { recursive: true, force: true });
    }
    return folder;
  }
}

const isThere = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false }) !== undefined;

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
