import { isatty } from 'node:tty';

/**
 * This process was started at a terminal, whose end (SIGHUP) is to be its own; asked once, at the start. `nohup` says the same by having that signal ignored, which
 * Node undoes before anything of ours runs; but it leaves no descriptor at a terminal either.
 */
export const isAtTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor));
