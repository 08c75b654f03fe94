/**
 * Starting programs from a small process of their own (docs/decisions/0036): to start one holds the thread that does it for as long as the system copies what
 * the process has of memory, which of a broker is much. `ProgramStarter` is what wants programs, `starter-process.ts` the process, `protocol.ts` what they say.
 * The bytes of a program do not pass through the starter: it gets the ends of connections as its standard input and output.
 */
export type { Program, ProgramOutcome } from './program.ts';
export { ProgramStarter } from './program-starter.ts';
