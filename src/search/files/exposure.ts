/**
 * The files that a machine lets others search: globs under a name, from its configuration. Who asks gives the name only, and gets what the globs of that
 * name match at that moment. The list is kept by where a file really is: a link may lead from one place in the list to another, never out of it.
 */
import { constants, type BigIntStats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { escapeControls } from '../../base/escape.ts';

export interface Exposure {
  readonly name: string;
  /** Absolute. `*`, `?` and `[...]` stand for characters within one name, none of them for a dot in front. */
  readonly glob: string;
}

export interface ExposedFile {
  /** As it is shown: below the folder in which its glob begins to be one. */
  readonly name: string;
  /** Where it really is. */
  readonly path: string;
}

/** Why a glob cannot be exposed, as the end of a sentence, or null. */
export function refuseGlob(glob: string): string | null {
  if (glob.includes('\0')) return 'it has a NUL in it';
  const parts = glob.split('/');
  if (parts.includes('..') || parts.includes('.')) return 'it goes through "." or ".."';
  if (parts.some((part) => part.includes('**'))) return '"**" is not known: name each folder on the way, or "*" for any';
  if (glob.endsWith('/')) return 'it names a folder, not files';
  const wrong = parts.find((part) => !isRegExp(part));
  return wrong === undefined ? null : `a range in ${JSON.stringify(wrong)} ends before it begins`;
}

/** Of all files in an answer, so that a glob over a large tree cannot hold a machine up. */
const filesMax = 10_000;

export interface Listing {
  readonly files: readonly ExposedFile[];
  /** What could not be listed, as sentences. */
  readonly problems: readonly string[];
}

/** The files of some exposures, each once, in the order of their names. */
export async function listFiles(exposures: readonly Exposure[]): Promise<Listing> {
  const globs = await Promise.all(exposures.map(async ({ glob }) => rooted(glob)));
  const found = new Map<string, ExposedFile>();
  const problems: string[] = [];
  for (const { root, shownFrom, parts } of globs) {
    for (const candidate of await expand(root, parts, problems)) {
      const real = await realpath(candidate).catch(() => null);
      // Gone since it was listed, or a link to nowhere.
      if (real === null) continue;
      const shown = escapeControls(candidate.slice(shownFrom), { keepTabs: false });
      if (!globs.some((glob) => isWithin(real, glob.root, glob.parts))) {
        problems.push(`${shown} is a link to a file that is not exposed`);
        continue;
      }
      // Once, and rather under its own name than under that of a link.
      if (!found.has(real) || real === candidate) found.set(real, { name: shown, path: real });
      if (found.size > filesMax) return { files: [], problems: [`more than ${filesMax} files are exposed under this name`] };
    }
  }
  return { files: nameApart([...found.values()]), problems };
}

/** Files of one name in several folders are shown with their whole paths. */
function nameApart(files: readonly ExposedFile[]): ExposedFile[] {
  const counts = new Map<string, number>();
  for (const { name } of files) counts.set(name, (counts.get(name) ?? 0) + 1);
  return files
    .map((file) => ((counts.get(file.name) ?? 0) > 1 ? { ...file, name: escapeControls(file.path, { keepTabs: false }) } : file))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

interface Rooted {
  /** The folder before the first part with a wildcard, where it really is: that folder may be a link, the operator named it. */
  readonly root: string;
  readonly shownFrom: number;
  readonly parts: readonly RegExp[];
}

async function rooted(glob: string): Promise<Rooted> {
  const all = glob.split('/');
  const firstMagic = all.findIndex((part) => /[*?[]/.test(part));
  const fixed = firstMagic < 0 ? all.length - 1 : firstMagic;
  const folder = all.slice(0, fixed).join('/') || '/';
  const root = await realpath(folder).catch(() => folder);
  return { root, shownFrom: root === '/' ? 1 : root.length + 1, parts: all.slice(fixed).map(toRegExp) };
}

/** A part of a glob. A bracket that is never closed stands for itself. */
function toRegExp(part: string): RegExp {
  let source = part.startsWith('.') ? '' : '(?!\\.)';
  for (let at = 0; at < part.length; at++) {
    const character = part[at] as string;
    // The first in a bracket stands for itself, whatever it is.
    const end = character === '[' ? part.indexOf(']', at + (part[at + 1] === '!' ? 3 : 2)) : -1;
    if (end > 0) {
      const inner = part
        .slice(at + 1, end)
        .replaceAll(/[\\[\]]/g, '\\$&')
        .replace(/^\^/, '\\^');
      source += inner.startsWith('!') ? `[^${inner.slice(1)}]` : `[${inner}]`;
      at = end;
    } else if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else source += character.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, 'su');
}

function isRegExp(part: string): boolean {
  try {
    toRegExp(part);
    return true;
  } catch {
    return false;
  }
}

async function expand(folder: string, parts: readonly RegExp[], problems: string[]): Promise<string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => part.test(name)).toSorted();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') problems.push(`${escapeControls(folder)} cannot be listed: ${code ?? 'unknown'}`);
    return [];
  }
  const paths = names.map((name) => path.join(folder, name));
  if (rest.length === 0) return paths;
  const found: string[] = [];
  for (const each of paths) {
    found.push(...(await expand(each, rest, problems)));
    if (found.length > filesMax) break;
  }
  return found;
}

function isWithin(real: string, root: string, parts: readonly RegExp[]): boolean {
  const below = root === '/' ? real.slice(1) : real.startsWith(`${root}/`) ? real.slice(root.length + 1) : null;
  const names = below?.split('/') ?? [];
  return names.length === parts.length && parts.every((part, index) => part.test(names[index] as string));
}

/** Opens a file of the list, if it is still what the list says: a regular file, reached without a link. Fails with the end of a sentence. */
export async function openListed(file: ExposedFile): Promise<{ readonly handle: FileHandle; readonly bytes: number } | string> {
  let handle: FileHandle | null = null;
  try {
    // A pipe would hold the opening up until somebody writes to it.
    handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const [opened, listed] = await Promise.all([handle.stat({ bigint: true }), lstat(file.path, { bigint: true })]);
    const refusal = await refuseOpened(handle, opened, listed, file);
    if (refusal === null) return { handle, bytes: Number(opened.size) };
    await handle.close();
    return refusal;
  } catch (error) {
    await handle?.close().catch(() => undefined);
    const { code } = error as NodeJS.ErrnoException;
    return reasons[code ?? ''] ?? `it cannot be opened: ${code ?? 'unknown'}`;
  }
}

async function refuseOpened(handle: FileHandle, opened: BigIntStats, listed: BigIntStats, file: ExposedFile): Promise<string | null> {
  if (opened.isDirectory()) return 'it is a folder';
  if (!opened.isFile()) return 'it is not a regular file';
  if (opened.dev !== listed.dev || opened.ino !== listed.ino) return 'it was replaced while it was opened';
  // A folder on the way may have been made a link since the list was made.
  const where = process.platform === 'linux' ? await readlink(`/proc/self/fd/${handle.fd}`).catch(() => null) : await realpath(file.path);
  return where === null || where === file.path ? null : 'it is not where it was listed';
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it is gone',
  EACCES: 'it may not be read',
  ELOOP: 'it is a link',
  ENXIO: 'it is not a regular file',
  EMFILE: 'too many files are open on the machine',
  ENFILE: 'too many files are open on the machine',
};
