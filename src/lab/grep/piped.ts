import { closeSync } from 'node:fs';
import { makePipe } from '../collect/pipes.ts';
import type { Children } from '../rig/index.ts';

export interface PipedRun {
  /** From the start of the program until it and `cat` have ended. */
  readonly ms: number;
  readonly exitCode: number | null;
}

/** Runs a program with its output through a pipe into `cat`, which throws it away: how everyone is measured here, so that no terminal and no file has a part in it. */
export async function runPiped(
  children: Children,
  {
    command,
    args,
    env,
    folder,
  }: { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly folder: string },
): Promise<PipedRun> {
  const pipe = makePipe(folder);
  const cat = children.start('cat', [], { stdio: [pipe.readEnd, 'ignore', 'inherit'] });
  const beganMs = performance.now();
  const program = children.start(command, args, { stdio: ['ignore', pipe.writeEnd, 'ignore'], env });
  closeSync(pipe.readEnd);
  closeSync(pipe.writeEnd);
  const [{ code }] = await Promise.all([children.exitOf(program), children.exitOf(cat)]);
  return { ms: performance.now() - beganMs, exitCode: code };
}
