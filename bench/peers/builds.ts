/**
 * Which builds of a peer there are to compare with: the newest, made by `npm run bench:peers` from modules whose checksums are kept here, and the one
 * that the machine has installed (Debian's), so that old ratios stay comparable.
 */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { findProgram } from './processes.ts';

export type PeerName = 'etcd' | 'nats-server';
export type BuildName = 'newest' | 'installed';

export const buildNames: readonly BuildName[] = ['newest', 'installed'];

/** Where `npm run bench:peers` puts what it makes. */
export const newestFolder = path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'cairn-peers');

/** How somebody gets it who has not. */
export const howToGet: Readonly<Record<BuildName, string>> = {
  newest: 'npm run bench:peers builds it, with Go',
  installed: 'Debian packages etcd-server and nats-server',
};

/** The program's file, or null. */
export function findBuild(peer: PeerName, build: BuildName): string | null {
  if (build === 'installed') return findProgram(peer);
  const file = path.join(newestFolder, peer);
  try {
    accessSync(file, constants.X_OK);
    return file;
  } catch {
    return null;
  }
}
