/**
 * The program. `run-cli.ts` runs what was typed and reports, `program.ts` parses, `registry.ts` lists the commands, each in a file of its own which is loaded only when it is typed;
 * `io.ts` is their outside. A command is a thin layer: it reads options, calls the client, the daemon or a lab, and prints.
 */
import { processIo } from './io.ts';
import { runCli } from './run-cli.ts';

const io = processIo();
io.end(await runCli(process.argv.slice(2), io));
