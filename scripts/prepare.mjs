// The `prepare` script: what a checkout needs behind its packages. `node` is here the Node 24 among them, whatever Node runs npm.
//
// npm leaves out optional packages that want a newer Node than its own, and native parts are such packages: on Node 18 there would be no builder, no linter
// and no tests. Then npm runs once more, on the Node that it has installed, and puts in what is missing.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string[]} args */
function node(...args) {
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
}

const { npm_execpath: npm, npm_config_user_agent: agent = '' } = process.env;
const majorOfNpm = Number(/\bnode\/v(\d+)/.exec(agent)?.[1] ?? Number.POSITIVE_INFINITY);
const isNewer = Number(process.versions.node.split('.')[0]) > majorOfNpm;
if (isNewer && npm !== undefined && node('--input-type=module', '--eval', "import 'rolldown'").status !== 0) {
  const { status, stdout, stderr } = node(npm, 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund');
  if (status !== 0) {
    process.stderr.write(
      `${stdout}${stderr}Cannot install the packages that Node ${majorOfNpm} left out: npm ended with code ${String(status)}\n`,
    );
    process.exit(1);
  }
}
const { status, stdout, stderr } = node(path.join(root, 'scripts', 'build.mjs'), '--quiet');
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exit(status ?? 1);
