import { readFileSync } from 'node:fs';

/** The version of the package, from its package.json: two folders up from here in src/ as in dist/. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
