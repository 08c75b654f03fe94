import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the package: two up from here, in src/ as in dist/. */
const root = new URL('../../', import.meta.url);

export const packageFolder = fileURLToPath(root);
/** The built page is in dist/ui, whichever of src/ and dist/ runs. */
export const pageFolder = fileURLToPath(new URL('dist/ui/', root));

/** A module beside this one with the ending that runs here: `.ts` in src/, `.js` in dist/. */
export function besideDaemon(name: string): string {
  return fileURLToPath(new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { readonly version: string }).version;
}
