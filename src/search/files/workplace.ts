/**
 * Where what cannot be an argument stands. Patterns that are too long, not UTF-8 or have a NUL in them: in a folder of the search, made when it is needed and
 * gone when it ends. For ripgrep, a name for the file that reads as its lines are to begin: in a folder of the process, because making and removing one for
 * each search takes as long as searching some megabytes.
 */
import { Buffer } from 'node:buffer';
import { lstatSync, rmSync } from 'node:fs';
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
    // No such place to write, or no such name: the other program needs none.
    return names.folderWith(label).catch(() => null);
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

/** Of those that were used last. */
const namesMax = 4096;

/** For each name a folder, because a name may be what another one goes through. */
class Names {
  #root: Promise<string> | null = null;
  #count = 0;
  /** In the order of their last use. */
  readonly #folders = new Map<string, string>();

  async folderWith(name: string): Promise<string> {
    const root = await this.#openRoot();
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

  async #openRoot(): Promise<string> {
    // Whatever clears folders for temporary files may have been here.
    if (this.#root !== null && isThere(await this.#root)) return this.#root;
    this.#folders.clear();
    this.#root = makeRoot();
    this.#root.catch(() => {
      this.#root = null;
    });
    return this.#root;
  }
}

const isThere = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false }) !== undefined;

async function makeRoot(): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'cairn-grep-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  return root;
}

const names = new Names();

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
