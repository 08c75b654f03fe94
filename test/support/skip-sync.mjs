// A hook for brokers that a test starts: `node --import .../skip-sync.mjs`, with CAIRN_TEST_SKIP_SYNC = "log" or "votes". The sync of those files reports
// success and does nothing, as a build would that acknowledges first. The checks that watch real brokers must find it.
import fs from 'node:fs';

const kind = process.env['CAIRN_TEST_SKIP_SYNC'];
const skipped = kind === 'votes' ? /\/votes[^/]*$/ : kind === 'log' ? /\/groups\/[^/]+\/\d{20}\.log$/ : null;

if (skipped !== null) {
  for (const name of /** @type {const} */ (['fdatasync', 'fsync'])) {
    const real = fs[name];
    /** @type {(fd: number, done: import('node:fs').NoParamCallback) => void} */
    const skipping = (fd, done) => {
      if (skipped.test(fs.readlinkSync(`/proc/self/fd/${fd}`))) setImmediate(() => done(null));
      else real(fd, done);
    };
    Object.assign(fs, { [name]: skipping });
  }
}
