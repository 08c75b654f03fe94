import { createHash } from 'node:crypto';
import fs from 'node:fs';

/** What names this machine for as long as it is installed, hashed as machine-id(5) asks; empty where nothing does, such as in most containers. */
export function machineName(): string {
  try {
    const id = fs.readFileSync('/etc/machine-id', 'utf8').trim();
    if (/^[0-9a-f]{32}$/.test(id)) return createHash('sha256').update(`cairn spool ${id}`).digest('hex').slice(0, 32);
  } catch {
    // Nothing names it.
  }
  return '';
}
