// What a test needs of the machine. A test that lacks it is skipped, and `npm test` says at its end which were, and why (`reporter.ts`).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

declare module 'vitest' {
  interface TaskMeta {
    /** Why it is skipped. */
    missing?: string;
  }
}

/** Options of a test or of a describe. `missing` says what the machine lacks; null means nothing. */
export const needs = (missing: string | null): { readonly skip: boolean; readonly meta: { readonly missing?: string } } =>
  missing === null ? { skip: false, meta: {} } : { skip: true, meta: { missing } };

export const needsLinux = needs(process.platform === 'linux' ? null : 'this is not Linux');
export const needsFullDevice = needs(existsSync('/dev/full') ? null : 'there is no /dev/full');
/** The kernel's list of addresses, which has loopback's where there is IPv6. */
const hasIpv6 = existsSync('/proc/net/if_inet6') && / lo$/m.test(readFileSync('/proc/net/if_inet6', 'latin1'));
export const needsIpv6 = needs(hasIpv6 ? null : 'there is no IPv6');
const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, program)));

/** Programs by the names under which they are called; the first that is missing is named. */
export function needsPrograms(...programs: readonly string[]): ReturnType<typeof needs> {
  const missing = programs.find((program) => !isInstalled(program));
  return needs(missing === undefined ? null : `${missing} is not installed`);
}
