import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the package: two up from here in src/, and from where the build puts this in dist/. */
const root = new URL('../../', import.meta.url);

export const packageFolder = fileURLToPath(root);
/** The built page is in dist/ui, whichever of src/ and dist/ runs. */
export const pageFolder = fileURLToPath(new URL('dist/ui/', root));

const isSource = import.meta.url.endsWith('.ts');

/** A file that is no module, by its place in src/; the build copies it to the same place in dist/. */
export function ownFile(name: string): string {
  return fileURLToPath(new URL(`${isSource ? 'src' : 'dist'}/${name}`, root));
}

/** A module that is run on its own, by its place in src/ without the ending. The build knows each: `ENTRIES` in scripts/build.mjs. */
export function ownModule(name: string): string {
  return ownFile(`${name}.${isSource ? 'ts' : 'js'}`);
}

/** How a person who is in the folder of the checkout types it; whoever has installed the package has it on PATH, and `npx cairn` would run another's. */
export const typedCommand = existsSync(new URL('src/', root)) ? 'npx cairn' : 'cairn';

export function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { readonly version: string }).version;
}
