// Loads the mutant that CAIRN_MUTANT names: `node --import .../register.ts`. Without it, the program as it is.
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { mutantById } from './index.ts';
import { filesOf, mutatedSource, root } from './mutant.ts';

const id = process.env['CAIRN_MUTANT'];
if (id !== undefined && id !== '') {
  const mutant = mutantById(id);
  const sources = new Map(filesOf(mutant).map((file) => [pathToFileURL(path.join(root, file)).href, mutatedSource(mutant, file)]));
  registerHooks({
    load: (url, context, next) => {
      const source = sources.get(url);
      return source === undefined ? next(url, context) : { format: 'module', source: stripTypeScriptTypes(source), shortCircuit: true };
    },
  });
}
