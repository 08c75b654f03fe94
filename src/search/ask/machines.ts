/** Machines that can be asked, as people name them. */
import { parseServer } from '../../client/servers.ts';
import { LogError } from '../../eventlog/log-error.ts';

export interface Machine {
  /** What the list calls it; null where it has an address only. What a machine calls itself stands in its answer. */
  readonly name: string | null;
  /** Such as http://127.0.0.1:8000. */
  readonly origin: string;
}

/** What it is called before it has said its own name. */
export const nameOf = ({ name, origin }: Machine): string => name ?? new URL(origin).host;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** `NAME=ADDRESS` or `ADDRESS`, an address being host:port or a URL. */
export function parseMachine(text: string): Machine {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: null, origin: parseServer(text) };
  const name = text.slice(0, equals).trim();
  if (!namePattern.test(name))
    throw new LogError('usage', `Cannot use "${text}" as a machine: its name is letters, digits, ".", "_" and "-"`);
  return { name, origin: parseServer(text.slice(equals + 1).trim()) };
}

/** A list with commas. */
export const parseMachines = (text: string): Machine[] => splitList(text).map(parseMachine);

const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** A hosts file: one machine a line, `#` begins a comment. */
export function parseHostsFile(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/** The machines that a list means: names of those that are known, or addresses. None twice. */
export function chooseMachines(wanted: readonly string[], known: readonly Machine[]): Machine[] {
  const chosen = new Map<string, Machine>();
  for (const text of wanted) {
    const machine = known.find(({ name, origin }) => name === text || new URL(origin).host === text) ?? machineAt(text);
    chosen.set(machine.origin, machine);
  }
  return [...chosen.values()];
}

function machineAt(text: string): Machine {
  // A word without a port is no address: it was meant as a name.
  if (!text.includes(':') && !text.includes('='))
    throw new LogError('usage', `Cannot ask "${text}": no machine of that name is known, name it with CAIRN_MACHINES=${text}=HOST:PORT`);
  return parseMachine(text);
}
