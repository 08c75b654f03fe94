/** `npm run bench:peers`: builds the newest etcd and NATS with Go, from the modules in `newest/`, whose go.sum holds the checksum of every source. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { newestFolder } from './builds.ts';
import { findProgram, versionOf } from './processes.ts';

const packages = { etcd: '.', 'nats-server': 'github.com/nats-io/nats-server/v2' } as const;

const go = findProgram('go');
if (go === null) {
  process.stderr.write('Cannot build the newest etcd and NATS: Go is not installed\n');
  process.exit(1);
}
mkdirSync(newestFolder, { recursive: true });
for (const [name, source] of Object.entries(packages)) {
  const file = path.join(newestFolder, name);
  const cwd = path.join(import.meta.dirname, 'newest', name);
  // Nothing but what go.mod and go.sum name may be built.
  const { status } = spawnSync(go, ['build', '-mod=readonly', '-trimpath', '-o', file, source], { cwd, stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(`Cannot build ${name}: go build ended with ${status ?? 'a signal'}\n`);
    process.exit(1);
  }
  process.stdout.write(`${name} ${versionOf(file, ['--version'])}: ${file}\n`);
}
