import { ProgramStarter } from '../../src/search/start/index.ts';
import { ownModule } from '../../src/system/package.ts';

/** What starts the programs of all searches of a test file. */
export const starter = new ProgramStarter(ownModule('search/start/starter-process'));
